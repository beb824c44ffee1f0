"""Lay runs of one task and one data set side by side: what each reached, what it cost, and where they differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.text import Text

from snnfw.errors import SnnfwError, printable
from snnfw.report.answers import first_within, headline_of, say_score
from snnfw.report.html import templates, title_of
from snnfw.report.report import Report
from snnfw.report.score_figures import Curve, draw_scores
from snnfw.report.tables import SHORT, plain_table
from snnfw.report.tabular import as_csv
from snnfw.report.units import format_count, format_joules, format_percent, format_score, plural

Runs = Mapping[str, Report]
"""Reports by the names of their runs."""

MOST_RUNS = 24
"""Runs that a page, and its charts, can hold."""

MOST_DIFFERENCES = 12
"""Settings that differ of which the terminal tells."""

OWN_KEYS = ("out", "data", "task", "launcher")
"""Settings that say nothing of a difference: where results go, what ran the work, and what has to be the same."""


def name_runs(folders: Sequence[Path]) -> list[str]:
    """Return what runs are called: their folders' names, or the paths where two have the same."""
    if len(folders) > MOST_RUNS:
        raise SnnfwError(f"{len(folders)} runs are too many to be laid side by side: give {MOST_RUNS} at most.")
    resolved = [folder.resolve() for folder in folders]
    if twice := next((folder for folder in folders if resolved.count(folder.resolve()) > 1), None):
        raise SnnfwError(f"'{twice}' is given twice: give each run once.")
    names = [folder.name for folder in resolved]
    told = zip(names, folders, strict=True)
    return [printable(name if names.count(name) == 1 else str(folder)) for name, folder in told]


def require_comparable(runs: Runs) -> None:
    """Refuse runs whose scores are not of the same thing: another task, other data, another metric."""
    (first, own), *others = runs.items()
    for name, report in others:
        for what, ours, theirs in _conditions(own, report):
            if ours != theirs:
                raise SnnfwError(
                    f"'{first}' and '{name}' cannot be laid side by side: {what} is {ours} and {theirs}. Give runs "
                    "of the same task on the same data."
                )


def _conditions(one: Report, other: Report) -> Iterator[tuple[str, Any, Any]]:
    """Yield what two runs must have in common."""
    yield "the task", one.about.get("task"), other.about.get("task")
    yield "the data", _data(one), _data(other)
    yield "the metric that stands first", one.headline, other.headline
    yield "the number of evaluation samples", one.samples, other.samples


def _data(report: Report) -> str:
    data = _settings(report).get("data")
    return " ".join(f"{key}={value}" if key != "name" else str(value) for key, value in _flat(data or {}).items())


def side_page(runs: Runs) -> str:
    """Return the page."""
    first = next(iter(runs.values()))
    curves = [Curve(name, report.checkpoints) for name, report in runs.items()]
    energies = {report.network.energy for report in runs.values()}
    scores = {headline_of(report, report.network) for report in runs.values()}
    return (
        templates()
        .get_template("side.html.jinja")
        .render(
            title=f"{first.about.get('task') or 'One network'}: {len(runs)} runs side by side",
            said=describe_runs(runs),
            warned=describe_differences_of_terms(runs),
            charts=draw_scores(
                curves,
                first.headline,
                headline_of(first, first.network) if len(scores) == 1 else math.nan,
                first.network.energy if len(energies) == 1 else math.nan,
                first.samples,
            ),
            headings=side_headings(first),
            rows=side_rows(runs),
            runs=list(runs),
            titles={name: title_of(report.about) for name, report in runs.items()},
            differences=differences(runs),
            scored={name: sorted({point.timestep for point in report.checkpoints}) for name, report in runs.items()},
            steps=sorted({point.timestep for report in runs.values() for point in report.checkpoints}),
            reports=runs,
            headline=first.headline,
        )
    )


def describe_runs(runs: Runs) -> list[str]:
    """Return what comes out of the comparison in sentences: the best, the cheapest near it, the soonest."""
    known = {name: report for name, report in runs.items() if math.isfinite(_final(report))}
    if not known:
        return []
    best = max(known, key=lambda name: _final(known[name]))
    said = [f"'{best}' scores best: {known[best].headline} {say_score(_final(known[best]))} after its last timestep."]
    near = {name: report for name, report in known.items() if first_within(report) is not None}
    if near:
        cheapest = min(near, key=lambda name: near[name].checkpoints[-1].energy.total)
        energy = near[cheapest].checkpoints[-1].energy.total
        soonest = min(near, key=lambda name: first_within(near[name]) or 0)
        said.append(
            f"Of those that end within a point of their network, '{cheapest}' is cheapest: {format_joules(energy)}."
        )
        said.append(f"'{soonest}' is within a point soonest: from timestep {first_within(near[soonest])} on.")
    else:
        said.append("None ends within a point of its network.")
    return said


def describe_differences_of_terms(runs: Runs) -> list[str]:
    """Return warnings where numbers of two runs do not mean the same."""
    models = {report.energy_model for report in runs.values()}
    own = {headline_of(report, report.network) for report in runs.values()}
    warned = []
    if len(models) > 1:
        warned.append(f"The energies are by different models, and are not to be compared: {', '.join(sorted(models))}.")
    if len(own) > 1:
        warned.append("The networks themselves score differently: what differs is not the conversion alone.")
    return warned


def side_headings(report: Report) -> tuple[str, ...]:
    """Return what stands above the cells of each run."""
    return ("T", SHORT.get(report.headline, report.headline), "network", "within", "energy", "% of net", "events")


def side_rows(runs: Runs) -> list[tuple[str, ...]]:
    """Return a run a line, cell by cell: its name, and how it stands at its last timestep."""
    rows = []
    for name, report in runs.items():
        final, first = report.checkpoints[-1], first_within(report)
        steps = str(final.timestep) if final.steps == final.timestep else f"{final.timestep} ({final.steps:.2f})"
        scores = [format_score(each.scores, report.headline) for each in (final, report.network)]
        within = "never" if first is None else f"T={first}"
        energy, ratio = format_joules(final.energy.total), format_percent(final.energy_ratio)
        rows.append((name, steps, *scores, within, energy, ratio, format_count(final.energy.spikes)))
    return rows


def show_side_by_side(runs: Runs, console: Console, most: int = MOST_DIFFERENCES) -> None:
    """Print what comes out, a line for each run, and ``most`` of the settings in which they differ."""
    for sentence in describe_runs(runs):
        console.print(Text(sentence, style="bold"))
    for sentence in describe_differences_of_terms(runs):
        console.print(Text(f"! {sentence}", style="yellow"))
    table = plain_table()
    table.add_column("run", overflow="fold")
    for heading in side_headings(next(iter(runs.values()))):
        table.add_column(Text(heading), justify="right")
    for row in side_rows(runs):
        table.add_row(*map(Text, row))
    console.print(table)
    found = differences(runs)
    for key, values in list(found.items())[:most]:
        told = "; ".join(f"{name}: {value}" for name, value in zip(runs, values, strict=True))
        console.print(Text(f"{key}: {told}"))
    if len(found) > most:
        more = plural(len(found) - most, "more setting" if most else "setting")
        console.print(Text(f"{more} {'differs' if len(found) - most == 1 else 'differ'}; the page has them."))


def side_csv(runs: Runs) -> str:
    """Return every checkpoint of every run as CSV."""
    return as_csv(side_records(runs))


def side_records(runs: Runs, said: Mapping[str, Mapping[str, str]] = MappingProxyType({})) -> list[dict[str, Any]]:
    """Return every checkpoint of every run as the cells of a line; ``said`` are more of a run, behind its name."""
    return [
        {
            "run": name,
            **said.get(name, {}),
            "timestep": point.timestep,
            "steps": point.steps,
            **point.scores,
            "energy_mj": point.energy.total,
            "energy_ratio": point.energy_ratio,
            "spikes": point.energy.spikes,
        }
        for name, report in runs.items()
        for point in report.checkpoints
    ]


def differences(runs: Runs) -> dict[str, list[str]]:
    """Return each setting in which runs differ, with every run's own value; of other methods their names alone."""
    written = [_settings(report) for report in runs.values()]
    keys = dict.fromkeys(key for each in written for key in each if key not in OWN_KEYS)
    found: dict[str, list[str]] = {}
    for key in keys:
        values = [each.get(key) for each in written]
        if len({_name(value) for value in values}) > 1:
            found[key] = [_name(value) for value in values]
        else:
            parts = [_flat(value, key) for value in values]
            names = dict.fromkeys(name for each in parts for name in each)
            found |= {name: [str(each.get(name, "-")) for each in parts] for name in names}
    return {key: values for key, values in found.items() if len(set(values)) > 1}


def _settings(report: Report) -> Mapping[str, Any]:
    config = report.about.get("config")
    return config if isinstance(config, Mapping) else {}


def _name(value: Any) -> str:
    """Return a setting in few words: of a method its name, of a recipe its rules."""
    if isinstance(value, Mapping):
        return str(value.get("name", "-"))
    if isinstance(value, list | tuple) and any(isinstance(entry, Mapping) for entry in value):
        return "; ".join(_rule(entry) for entry in value if isinstance(entry, Mapping))
    return "-" if value is None else str(value)


def _rule(rule: Mapping[str, Any]) -> str:
    kind = f" ({rule['activation']})" if rule.get("activation") else ""
    neuron = f": {_name(rule['neuron'])}" if rule.get("neuron") else ""  # without one, the recipe's own
    return f"{rule.get('match', '*')}{kind}{neuron}"


def _final(report: Report) -> float:
    return headline_of(report, report.checkpoints[-1])


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """Return nested settings by their dotted keys, those of a list by their place in it."""
    if isinstance(value, list | tuple) and any(isinstance(entry, Mapping) for entry in value):
        value = dict(enumerate(value))
    if isinstance(value, Mapping) and value:
        items = [_flat(entry, f"{key}.{name}" if key else str(name)) for name, entry in value.items()]
        return {name: entry for each in items for name, entry in each.items()}
    return {key: value} if key else {}
