"""Show reports in the terminal."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from snnfw.report.calls import merge_layers
from snnfw.report.records import describe_fitting, describe_record, exit_steps
from snnfw.report.report import Report
from snnfw.report.sentences import describe_costs, describe_exactness, describe_rise, quantised_cell
from snnfw.report.units import format_joules, format_percent, format_score, format_si
from snnfw.values import Keep


def show_report(report: Report, console: Console) -> None:
    """Print the checkpoints beside the network itself, then each layer's rate."""
    if said := describe_rise(report):
        console.print(Text(said, style="bold"))
    console.print(_checkpoints(report))
    console.print(_layers(report))
    if said := describe_record(report.search or {}):
        console.print(Text(f"search: {said}"))
    if report.exits:
        console.print(_exits(report))
    if said := describe_fitting(report.about):
        console.print(said)
    console.print(
        f"{report.samples} samples in {report.seconds:.1f} s ({report.network.seconds:.1f} s for the network itself); "
        f"{format_percent(report.spiking_share)} of the MACs are accumulations of events, "
        f"{format_percent(report.multiplied_share)} are multiplied at every timestep."
    )
    if report.network.passes > 1:
        console.print(
            f"The network is scored on {report.network.passes} frames of each sample and charged for all of them."
        )
    for said in (describe_exactness(report), *describe_costs(report)):
        console.print(Text(said))
    if report.uncharged:
        console.print(f"Analog and without MACs, so uncharged: {_count_uncharged(report)}.")


def _checkpoints(report: Report) -> Table:
    table = Table(title="results, per sample", title_justify="left", header_style="bold")
    for heading in checkpoint_headings(report):
        table.add_column(heading, justify="right", overflow="fold", no_wrap=heading == "quantised")
    for number, row in enumerate(checkpoint_rows(report)):
        table.add_row(*row, style=None if number else "bold")
    return table


def checkpoint_headings(report: Report) -> tuple[str, ...]:
    """Return what stands above the cells of each checkpoint."""
    return ("timesteps", *report.metrics, "spikes", "energy", "of the network's", "quantised")


def checkpoint_rows(report: Report) -> list[tuple[str, ...]]:
    """Return the network's scores and energy, then those of each checkpoint, cell by cell."""
    network = report.network
    scores = [format_score(network.scores, name) for name in report.metrics]
    rows: list[tuple[str, ...]] = [("network", *scores, "", format_joules(network.energy), "100%", "")]
    for point in report.checkpoints:
        steps = str(point.timestep) if point.steps == point.timestep else f"{point.timestep} (mean {point.steps:.2f})"
        scores = [format_score(point.scores, name) for name in report.metrics]
        energy, ratio = format_joules(point.energy.total), format_percent(point.energy_ratio)
        quantised = quantised_cell(point.energy)
        rows.append((steps, *scores, format_si(point.energy.spikes), energy, ratio, quantised))
    return rows


def _layers(report: Report) -> Table:
    table = Table(title="layers, at the last checkpoint", title_justify="left", header_style="bold")
    table.add_column("site", no_wrap=True)
    for heading in ("activation", "neuron"):
        table.add_column(heading, overflow="fold")
    for heading in ("neurons", "spikes", "rate"):
        table.add_column(heading, justify="right")
    for row in layer_rows(report):
        table.add_row(*row)
    return table


def layer_rows(report: Report) -> list[tuple[str, ...]]:
    """Return every site at the last checkpoint, cell by cell."""
    rows: list[tuple[str, ...]] = []
    for layer in merge_layers(report.layers):
        told = (layer.site, layer.activation, layer.method, format_si(layer.neurons))
        spiking = layer.neuron != Keep.name
        rows.append((*told, *((format_si(layer.spikes), f"{layer.rate:.3f}") if spiking else ("", ""))))
    return rows


def _exits(report: Report) -> Table:
    table = Table(title="exits", title_justify="left", header_style="bold")
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
