"""Show reports in the terminal: what came out first, then tables that fit 80 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from snnfw.report.answers import describe_answers
from snnfw.report.calls import merge_layers
from snnfw.report.cautions import describe_cautions
from snnfw.report.records import describe_exits, exit_steps, explained
from snnfw.report.report import Checkpoint, Layer, Report
from snnfw.report.selecting import keep_largest
from snnfw.report.sentences import describe_costs, describe_exactness, quantised_cell
from snnfw.report.units import format_count, format_joules, format_percent, format_rate, format_score
from snnfw.values import Keep

SHORT: Mapping[str, str] = {"accuracy": "acc.", "accuracy_top5": "top-5"}
"""What metrics are called where there is little room."""

MOST_METRICS = 3
"""Metrics beside which everything else fits 80 columns; the others are on the page."""

MOST_LAYERS = 8
"""Sites that are shown unless all are asked for: those that send most."""


def show_report(report: Report, console: Console, full: bool = False) -> None:
    """Print what came out, the checkpoints beside the network itself, and the sites that send most, or all."""
    for sentence in describe_answers(report):
        console.print(Text(sentence, style="bold"))
    for sentence in describe_cautions(report):
        console.print(Text(f"! {sentence}", style="yellow"))
    _show_checkpoints(report, console, full)
    _show_layers(report, console, full)
    for told in (*explained(report.search or {}), *explained(report.exit or {}), describe_exits(report)):
        if told:
            console.print(Text(told))
    if full and report.exits:
        console.print(Text("exits", style="italic"), _exits(report))
    for sentence in _rest(report):
        console.print(Text(sentence))


def _rest(report: Report) -> list[str]:
    """Return what has to be said of the numbers besides."""
    passes = report.network.passes
    frames = f"The network is scored on {passes} frames of each sample and charged for all of them." * (passes > 1)
    free = f"Analog and without MACs, so uncharged: {_count_uncharged(report)}." * bool(report.uncharged)
    ran = (
        f"{report.samples} samples in {report.seconds:.1f} s ({report.network.seconds:.1f} s for the network itself); "
        f"{format_percent(report.spiking_share)} of the MACs are accumulations of events, "
        f"{format_percent(report.multiplied_share)} are multiplied at every timestep."
    )
    return [said for said in (ran, frames, describe_exactness(report), *describe_costs(report), free) if said]


def plain_table() -> Table:
    """Return an empty table whose lines take no room from its columns."""
    return Table(header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)


def _show_checkpoints(report: Report, console: Console, full: bool) -> None:
    metrics = report.metrics if full else _telling_metrics(report)
    left = len(report.metrics) - len(metrics)
    table = plain_table()
    for heading in ("T", *(SHORT.get(name, name) for name in metrics), "events", "energy", "% of net", "quantised"):
        table.add_column(Text(heading), justify="right", overflow="fold")
    for number, row in enumerate(checkpoint_rows(report, metrics)):
        table.add_row(*map(Text, row), style=None if number else "bold")
    # What stands above and below a table would be folded to its width within it.
    console.print(Text("results, per sample", style="italic"), table)
    if _leave_early(report):
        console.print(Text("in brackets, the mean of the timesteps that were computed", style="dim"))
    if left:
        console.print(Text(f"{left} more metrics are on the page", style="dim"))


def _telling_metrics(report: Report) -> tuple[str, ...]:
    """Return the headline and as many other metrics as there is room for."""
    others = [name for name in report.metrics if name != report.headline]
    return tuple(name for name in report.metrics if name in {report.headline, *others[: MOST_METRICS - 1]})


def _leave_early(report: Report) -> bool:
    return any(point.steps != point.timestep for point in report.checkpoints)


def checkpoint_headings(report: Report) -> tuple[str, ...]:
    """Return what stands above the cells of each checkpoint."""
    return ("timesteps", *report.metrics, "events", "energy", "of the network's", "quantised")


def checkpoint_rows(report: Report, metrics: Sequence[str] | None = None) -> list[tuple[str, ...]]:
    """Return the network's scores and energy, then those of each checkpoint, cell by cell."""
    network, names = report.network, report.metrics if metrics is None else metrics
    scores = [format_score(network.scores, name) for name in names]
    eight = "" if network.eight_bit is None else f"{format_joules(network.eight_bit)}, b=8"
    rows: list[tuple[str, ...]] = [("network", *scores, "", format_joules(network.energy), "100%", eight)]
    for point in report.checkpoints:
        scores = [format_score(point.scores, name) for name in names]
        energy, ratio = format_joules(point.energy.total), format_percent(point.energy_ratio)
        events, quantised = format_count(point.energy.spikes), quantised_cell(point.energy)
        rows.append((_steps(point), *scores, events, energy, ratio, quantised))
    return rows


def _steps(point: Checkpoint) -> str:
    return str(point.timestep) if point.steps == point.timestep else f"{point.timestep} ({point.steps:.2f})"


def _show_layers(report: Report, console: Console, full: bool) -> None:
    merged = merge_layers(report.layers)
    shown = merged if full else keep_largest(merged, lambda layer: layer.spikes, MOST_LAYERS)
    table = plain_table()
    table.add_column("site", overflow="fold")
    table.add_column("neuron", overflow="fold")
    for heading in ("neurons", "events", "rate"):
        table.add_column(heading, justify="right", no_wrap=True)
    for site, _, neuron, *numbers in map(_layer_row, shown):
        table.add_row(*map(Text, (site, neuron, *numbers)))
    some = len(shown) < len(merged)
    title = f"layers, at the last checkpoint{f': the {len(shown)} that send most' * some}"
    console.print(Text(title, style="italic"), table)
    if some:
        console.print(Text(f"all {len(merged)} are on the page, and in: snnfw report FOLDER --full", style="dim"))


def layer_rows(report: Report) -> list[tuple[str, ...]]:
    """Return every site at the last checkpoint, cell by cell."""
    return [_layer_row(layer) for layer in merge_layers(report.layers)]


def _layer_row(layer: Layer) -> tuple[str, ...]:
    told = (layer.site, layer.activation, layer.method, format_count(layer.neurons))
    spiking = layer.neuron != Keep.name
    return (*told, *((format_count(layer.spikes), format_rate(layer.rate)) if spiking else ("", "analog")))


def _exits(report: Report) -> Table:
    table = plain_table()
    for heading in ("timestep", "samples", "share", "so far"):
        table.add_column(heading, justify="right")
    for row in exit_steps(report):
        table.add_row(str(row.timestep), str(row.samples), f"{row.share:.1%}", f"{row.cumulative:.1%}")
    return table


def _count_uncharged(report: Report) -> str:
    """Return how many operators of each kind nothing is charged for: 16 sigmoid, 16 mul."""
    free = Counter(operator.operator for operator in report.operators if operator.node in report.uncharged)
    kept = len(set(report.uncharged) - {operator.node for operator in report.operators})
    return ", ".join([f"{count} {name}" for name, count in free.items()] + [f"{kept} kept sites"] * bool(kept))
