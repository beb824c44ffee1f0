"""Say what becomes of every operator of a network: folded to a screen, in full, or as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from snnfw.energy.charges import uncharged_operators
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Fate, Plan
from snnfw.report.folding import Line, fold
from snnfw.report.summary import describe_method, is_reported, parameters
from snnfw.report.units import format_percent, format_si, plural

SCHEMA = 1
TIMES = "×"  # noqa: RUF001  # how often
HEADINGS = ("module", TIMES, "operator", "becomes", "MACs", "charged")
FULL = ("module", "operator", "kind", "neuron", "rule", "MACs", "charged")
SPACE = "  "
NARROWEST = 12
"""Characters that are left of a column, however narrow the terminal is."""


def show_plan(plan: Plan, console: Console, full: bool = False) -> None:
    """Print what becomes of the network: what repeats folded, within the terminal's width, or operator by operator."""
    rows = [FULL, *full_rows(plan)] if full else _fit([HEADINGS, *plan_rows(plan)], console.width)
    for number, line in enumerate(_align(rows, right=(TIMES, "MACs"))):
        console.print(Text(line, style="" if number else "bold"), soft_wrap=True)
    said = [*([] if full else describe_neurons(plan)), *describe_shares(plan)]
    console.print(Text("\n".join(["", *said])), soft_wrap=full)


def plan_rows(plan: Plan) -> list[tuple[str, ...]]:
    """Return what becomes of every site and every operator that costs, cell by cell, what repeats folded."""
    called = _neuron_names(plan)
    lines = [Line(_name(fate), _name(fate), _told(fate, called), fate.macs) for fate in _shown(plan)]
    return [
        (line.where, str(line.count) if line.count > 1 else "", *line.told[:2], _macs(line.macs), line.told[2])
        for line in fold(lines)
    ]


def full_rows(plan: Plan) -> list[tuple[str, ...]]:
    """Return every operator by itself, with the rule that placed its neuron."""
    return [
        (
            _name(fate),
            _operator(fate),
            fate.kind.value,
            describe_method(fate.placement.neuron) if fate.placement else "",
            str(fate.placement.rule) if fate.placement else "",
            _macs(fate.macs),
            describe_charge(fate),
        )
        for fate in _shown(plan)
    ]


def plan_record(plan: Plan) -> dict[str, Any]:
    """Return the plan as plain data."""
    return {
        "schema": SCHEMA,
        "coding": plan.coding,
        "macs": plan.macs,
        "shares": shares(plan),
        "uncharged": sorted(uncharged_operators(plan)),
        "operators": [
            {
                "node": fate.node,
                "module": _name(fate),
                "operator": _operator(fate),
                "kind": fate.kind.value,
                "neuron": fate.placement.neuron.name if fate.placement else None,
                "parameters": parameters(fate.placement.neuron) if fate.placement else None,
                "rule": str(fate.placement.rule) if fate.placement else None,
                "macs": fate.macs,
                "charged": describe_charge(fate) or None,
            }
            for fate in plan.fates.values()
        ],
    }


def shares(plan: Plan) -> dict[str, float]:
    """Return the shares of the MACs by how they are charged, from 0 to 1."""
    macs = Counter[str]()
    for fate in plan.fates.values():
        macs[_account(fate)] += fate.macs
    return {name: macs[name] / plan.macs if plan.macs else 0.0 for name in ACCOUNTS}


ACCOUNTS = {
    "events": "become accumulations of events",
    "once": "are multiplied once",
    "each_timestep": "are multiplied at every timestep",
    "each_reading": "are multiplied at every reading of the output",
}
"""The ways in which MACs are charged, in words."""


def describe_shares(plan: Plan) -> list[str]:
    """Return in lines which share of the MACs is charged in which way, and what nothing is charged for."""
    said = [f"{plan.coding.capitalize()} coded, {format_si(plan.macs)}MACs for each sample:"]
    for name, share in shares(plan).items():
        if share or name != "each_reading":
            said.append(f"{format_percent(share):>7} {ACCOUNTS[name]}{_number_of(plan, name)}")
    free = Counter(_operator(plan.fates[node]) for node in uncharged_operators(plan))
    listed = ", ".join(f"{count} {name}" for name, count in free.most_common())
    if free:
        said.append(f"Uncharged, analog and without MACs: {listed}.")
    elif plan.analog:
        said.append(f"Analog, and charged: {_operators(len(plan.analog))}.")
    elif not plan.multiplied:
        said.append("Nothing stays analog.")
    return said


def _number_of(plan: Plan, account: str) -> str:
    count = sum(_account(fate) == account for fate in plan.fates.values() if fate.macs)
    return f" ({_operators(count)})" if count else ""


def _operators(count: int) -> str:
    return plural(count, "operator")


def describe_charge(fate: Fate) -> str:
    """Return in words how an operator's MACs are charged in the spiking network."""
    if fate.kind is Kind.PRODUCT and fate.events:
        return "events of both"
    if not fate.macs:
        return "uncharged" if fate.kind is Kind.ANALOG else ""
    return _account(fate).replace("_", " ")


def _account(fate: Fate) -> str:
    if fate.events:
        return "events"
    if fate.repeats:
        return "each_timestep"
    return "each_reading" if fate.kind is Kind.READOUT else "once"


def _shown(plan: Plan) -> list[Fate]:
    return [fate for fate in plan.fates.values() if fate.placement or is_reported(fate)]


def _name(fate: Fate) -> str:
    return fate.placement.site.name if fate.placement else fate.path or fate.node


def _operator(fate: Fate) -> str:
    return fate.placement.site.activation if fate.placement else fate.operator


def describe_neurons(plan: Plan) -> list[str]:
    """Return what the neurons' names in the folded rows stand for, a line each where they stand for more."""
    return [f"{name} is {said}." for said, name in _neuron_names(plan).items() if said != name]


def _neuron_names(plan: Plan) -> dict[str, str]:
    """Return a short name for every neuron as it is described: numbered where several are of one name."""
    neurons = {describe_method(placement.neuron): placement.neuron.name for placement in plan.placements}
    several = Counter(neurons.values())
    seen = Counter[str]()
    named = {}
    for said, name in neurons.items():
        seen[name] += 1
        named[said] = f"{name} ({seen[name]})" if several[name] > 1 else name
    return named


def _told(fate: Fate, called: Mapping[str, str]) -> tuple[str, str, str]:
    """Return the operator, what becomes of it, and how it is charged."""
    becomes = called[describe_method(fate.placement.neuron)] if fate.placement else fate.kind.value
    return _operator(fate), becomes, describe_charge(fate)


def _macs(macs: int) -> str:
    return format_si(macs).rstrip() if macs else ""


def _fit(rows: Sequence[tuple[str, ...]], width: int) -> list[tuple[str, ...]]:
    """Return rows that are no wider than the terminal: of a long path the end is kept, of other words the beginning."""
    cuts = {HEADINGS.index("module"): _keep_end, HEADINGS.index("becomes"): _keep_start}
    widths = _widths(rows)
    while sum(widths) + len(SPACE) * (len(widths) - 1) > width:
        widest = max(cuts, key=lambda column: widths[column])
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    return [
        tuple(cuts[column](cell, widths[column]) if column in cuts else cell for column, cell in enumerate(row))
        for row in rows
    ]


def _keep_end(text: str, room: int) -> str:
    return text if len(text) <= room else f"…{text[1 - room :]}"


def _keep_start(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _widths(rows: Iterable[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _align(rows: Sequence[tuple[str, ...]], right: Sequence[str]) -> list[str]:
    """Return rows as lines whose columns stand under each other."""
    widths, headings = _widths(rows), rows[0]
    return [
        SPACE.join(
            cell.rjust(width) if heading in right else cell.ljust(width)
            for cell, width, heading in zip(row, widths, headings, strict=True)
        ).rstrip()
        for row in rows
    ]
