"""Show in the terminal what becomes of every operator of a network."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Fate, Plan
from snnfw.report.calls import describe_calls, group_calls
from snnfw.report.summary import describe_method, is_reported
from snnfw.report.units import format_percent, format_si


def show_plan(plan: Plan, console: Console) -> None:
    """Print every site and every operator that costs: its kind, neuron, the rule that chose it, and its MACs."""
    table = Table(title="plan", title_justify="left", header_style="bold")
    table.add_column("module", no_wrap=True)
    for heading in ("operator", "kind", "neuron", "rule"):
        table.add_column(heading, overflow="fold")
    table.add_column("MACs", justify="right")
    table.add_column("charged as")
    for row in plan_rows(plan):
        table.add_row(*row)
    console.print(table)
    console.print(describe_shares(plan))


def describe_shares(plan: Plan) -> str:
    """Return in a sentence how much of a network becomes accumulations of events, and what does not."""
    multiplied = (
        f", {format_percent(plan.multiplied_share)} are multiplied at every timestep ({_number(plan.multiplied)})"
    )
    analog = f"; {_number(plan.analog)} {'stays' if len(plan.analog) == 1 else 'stay'} analog" if plan.analog else ""
    rest = f"{multiplied * bool(plan.multiplied)}{analog}" or ", and nothing stays analog"
    share = f"{format_percent(plan.spiking_share)} of {format_si(plan.macs)} MACs become accumulations of events"
    return f"{plan.coding.capitalize()} coded: {share}{rest}."


def _number(fates: Sequence[Fate]) -> str:
    return f"{len(fates)} operator{'s' * (len(fates) != 1)}"


def plan_rows(plan: Plan) -> list[tuple[str, ...]]:
    """Return what becomes of every site and every operator that costs, cell by cell."""
    shown = [fate for fate in plan.fates.values() if fate.placement or is_reported(fate)]
    return [_plan_row(calls) for calls in group_calls(shown, _name, _told)]


def _name(fate: Fate) -> str:
    return fate.placement.site.name if fate.placement else fate.path


def _told(fate: Fate) -> tuple[str, ...]:
    """Return all that is told of an operator but its name and its MACs."""
    placement = fate.placement
    return (
        placement.site.activation if placement else fate.operator,
        fate.kind.value,
        describe_method(placement.neuron) if placement else "",
        str(placement.rule) if placement else "",
        describe_charge(fate),
    )


def _plan_row(calls: Sequence[Fate]) -> tuple[str, ...]:
    *told, charge = _told(calls[0])
    macs = sum(fate.macs for fate in calls)
    return (describe_calls(_name(calls[0]), len(calls)), *told, format_si(macs) if macs else "", charge)


def describe_charge(fate: Fate) -> str:
    """Return in words what an operator's MACs cost in the spiking network."""
    if fate.events and (fate.macs or fate.kind is Kind.PRODUCT):
        return "events of both" if fate.kind is Kind.PRODUCT else "events"
    if not fate.macs:
        return "uncharged" if fate.kind is Kind.ANALOG else ""
    if fate.repeats:
        return "MACs, each timestep"
    return "MACs, each reading" if fate.kind is Kind.READOUT else "MACs, once"
