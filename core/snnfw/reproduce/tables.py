"""Print which experiments there are, and what came out of one beside what is published."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from snnfw.config.published import Experiment, Published
from snnfw.reproduce.lines import ENERGY, Line
from snnfw.reproduce.request import Request, describe_difference

MOST_TOLD = 2
"""Most published numbers that the list of experiments shows of one."""

NEEDS = {
    "nothing": "",
    "train": "trains",
    "train-network": "trains the network, or weights",
    "weights": "weights",
}


def show_experiments(experiments: Sequence[Experiment], console: Console) -> None:
    """Print every experiment: its name, what it is, what is published, and what it needs."""
    table = Table(title="experiments", title_justify="left", header_style="bold", show_lines=True)
    for heading in ("experiment", "published", "needs"):
        table.add_column(heading, overflow="fold")
    for experiment in experiments:
        named = Text.assemble((experiment.name, "bold"), f"\n{experiment.about}" if experiment.about else "")
        table.add_row(named, Text(describe_published(experiment)), describe_needs(experiment))
    console.print(table)
    console.print("snnfw reproduce NAME data.root=... runs one and prints ours beside the published numbers.")


def describe_published(experiment: Experiment) -> str:
    """Return the published numbers of a single row, or how many rows a table has."""
    if experiment.tabulated:
        return f"a table of {len(experiment.rows)} rows"
    told = [said for said in experiment.rows[0].published if said.values]
    more = f"; {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return "; ".join(map(describe_values, told[:MOST_TOLD])) + more


def describe_values(said: Published) -> str:
    """Return the numbers of one published row: ``73.53 % at T = 8, 74.25 % at T = 16 (network 75.36 %)``."""
    unit = "mJ" if said.metric == ENERGY else "%"
    network = f" (network {said.network:.2f} {unit})" if said.network is not None else ""
    values = ", ".join(f"{value:.2f} {unit} at T = {step}" for step, value in said.values.items())
    return f"{values}{network}"


def describe_needs(experiment: Experiment) -> str:
    """Return which data and weights an experiment needs."""
    data = experiment.plain.get("data") or {}
    name = data.get("name") if isinstance(data, dict) else data
    return ", ".join(filter(None, (str(name) if name else "", NEEDS[experiment.prepare])))


def show_lines(request: Request, lines: Sequence[Line], console: Console) -> None:
    """Print ours beside the published numbers."""
    difference = describe_difference(request)
    console.print(Text(f"{request.experiment.name}: ours beside the published numbers", style="bold"))
    table = Table()
    for heading in ("row", "metric"):
        table.add_column(heading, overflow="fold")
    for heading in ("T", "published", "ours", "network", "energy"):
        table.add_column(heading, justify="right")
    for line in lines:
        table.add_row(*(Text(cell) for cell in cells(line)))
    console.print(table)
    for line in lines:
        if line.error:
            console.print(Text(f"{line.row}: {line.error}"))
    if difference:
        console.print(Text(difference, style="bold"))


def cells(line: Line) -> tuple[str, ...]:
    """Return what stands in a line, cell by cell."""
    if line.error:
        return (line.row, line.metric, "", "", "not run", "", "")
    elsewhere = line.published_timesteps not in (None, line.timesteps)
    published = _number(line.published) + (f" (T = {line.published_timesteps})" if elsewhere else "")
    ratio = "" if line.energy_ratio is None else f"{100 * line.energy_ratio:.1f} %"
    network = f"{_number(line.network)}" + (
        "" if line.network_published is None else f" (published {_number(line.network_published)})"
    )
    return (line.row, line.metric, str(line.timesteps), published, _number(line.ours), network, ratio)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"
