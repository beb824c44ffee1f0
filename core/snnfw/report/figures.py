"""The charts of a run: what it scored and cost over timesteps, and layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from snnfw.report.answers import headline_of
from snnfw.report.calls import merge_layers, merge_operators
from snnfw.report.drawing import (
    Line,
    Picture,
    as_picture,
    draw_bars,
    draw_groups,
    draw_lines,
    empty_chart,
    label_timesteps,
)
from snnfw.report.scales import Scale, choose_scale
from snnfw.report.selecting import keep_largest
from snnfw.report.units import format_joules, format_percent, format_rate, scale_to_unit
from snnfw.values import Chart, Keep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from snnfw.report.report import Operator, Report

MOST_BARS = 24
"""Bars of a chart: of more, those that say most, and the others together."""


def draw_timesteps(report: Report) -> list[Picture]:
    """Return the headline metric and the energy at every checkpoint, with the network's own."""
    if len(report.checkpoints) == 1:
        return [_energies(report)]
    steps = [point.timestep for point in report.checkpoints]
    scores, own = [headline_of(report, point) for point in report.checkpoints], headline_of(report, report.network)
    scale = choose_scale([*scores, own], report.samples)
    figure, axes = empty_chart("timesteps", scale.label(report.headline))
    draw_lines(axes, [Line("spiking network", steps, scale.heights(scores))], scale.height(own))
    scale.apply(axes)
    label_timesteps(axes, steps)
    return [
        as_picture(figure, f"Score ({report.headline}) over timesteps{scale.note}", _scored(report, scale)),
        _energy(report),
    ]


def _scored(report: Report, scale: Scale) -> str:
    told = ", ".join(f"{headline_of(report, point):.4g} at {point.timestep}" for point in report.checkpoints[-8:])
    own = f"the network itself has {headline_of(report, report.network):.4g}"
    return f"Curve of {scale.label(report.headline)} over timesteps. {report.headline} by timestep: {told}; {own}."


def _energy(report: Report) -> Picture:
    steps = [point.timestep for point in report.checkpoints]
    used = [point.energy.total * 1e-3 for point in report.checkpoints]
    quantised = [point.energy.quantised * 1e-3 for point in report.checkpoints if point.energy.quantised is not None]
    eight = [] if report.network.eight_bit is None else [report.network.eight_bit * 1e-3]
    (network, *values), prefix = scale_to_unit([report.network.energy * 1e-3, *used, *quantised, *eight])
    lines = [Line("spiking network", steps, values[: len(steps)])]
    if len(quantised) == len(steps):
        lines.append(Line("quantised to as much information", steps, values[len(steps) : 2 * len(steps)]))
    if eight:
        lines.append(Line("quantised to 8 bits", [steps[0], steps[-1]], [values[-1]] * 2))
    figure, axes = empty_chart("timesteps", f"energy per sample ({prefix}J)")
    draw_lines(axes, lines, network)
    label_timesteps(axes, steps)
    axes.set_ylim(bottom=0)
    told = ", ".join(f"{format_joules(point.energy.total)} at {point.timestep}" for point in report.checkpoints[-8:])
    alt = f"Curves of the energy of a sample over timesteps. Spiking network: {told}; {_rivals(report)}."
    return as_picture(figure, "Energy over timesteps", alt)


def _energies(report: Report) -> Picture:
    """Return bars of what there is to compare at the only checkpoint: one point makes no curve."""
    energy, network = report.checkpoints[-1].energy, report.network
    costs = {
        "network": network.energy,
        "quantised to 8 bits": network.eight_bit,
        f"quantised to {energy.quantised_bits} bits": energy.quantised,
        "spiking network": energy.total,
    }
    known = {name: cost for name, cost in costs.items() if cost is not None}
    values, prefix = scale_to_unit(cost * 1e-3 for cost in known.values())
    kinds = ["spiking network" if name == "spiking network" else "network" for name in known]
    figure = draw_bars(list(known), values, kinds, f"energy per sample ({prefix}J)", named=False)
    told = ", ".join(f"{name} {format_joules(cost)}" for name, cost in known.items())
    return as_picture(figure, f"Energy at timestep {report.checkpoints[-1].timestep}", f"Bars of energy: {told}.")


def _rivals(report: Report) -> str:
    eight, energy = report.network.eight_bit, report.checkpoints[-1].energy
    few = "" if eight is None else f", in 8 bits {format_joules(eight)}"
    told = "" if energy.quantised is None else f", in {energy.quantised_bits} bits {format_joules(energy.quantised)}"
    return f"the network itself takes {format_joules(report.network.energy)}{few}{told}"


def draw_layers(report: Report) -> list[Picture]:
    """Return each spiking site's firing rate and each operator's energy, at the last checkpoint."""
    layers = merge_layers(report.layers)
    spiking = [(layer.site, layer.rate, "") for layer in layers if layer.neuron != Keep.name]
    charged = [_charged(operator) for operator in merge_operators(report.operators) if operator.energy > 0]
    charged += [(layer.site, layer.energy, "neurons") for layer in layers if layer.energy > 0]
    pictures = []
    if spiking:
        bars = keep_largest(spiking, lambda bar: bar[1], MOST_BARS)
        most = max(spiking, key=lambda each: each[1])
        figure = _bars(bars, [rate for _, rate, _ in bars], "events per neuron and timestep")
        alt = f"Bars of firing rates of {len(bars)} sites; the highest is {format_rate(most[1])} at {most[0]}."
        rest = f" (the {len(bars)} highest of {len(spiking)})" if len(bars) < len(spiking) else ""
        pictures.append(as_picture(figure, f"Firing rates{rest}", alt))
    if charged:
        bars = keep_largest(charged, lambda bar: bar[1], MOST_BARS)
        left = len(charged) - len(bars)
        total, shown = sum(cost for _, cost, _ in charged), sum(cost for _, cost, _ in bars)
        values, prefix = scale_to_unit(energy * 1e-3 for _, energy, _ in bars)
        most = max(charged, key=lambda each: each[1])
        alt = f"Bars of the energy of {len(bars)} operators; the dearest is {most[0]} with {format_joules(most[1])}."
        rest = f" (the {len(bars)} dearest; the other {left} take {format_percent(1 - shown / total)})" if left else ""
        figure = _bars(bars, values, f"energy per sample ({prefix}J)")
        pictures.append(as_picture(figure, f"Energy of each operator{rest}", alt))
    return pictures


def _bars(bars: Sequence[tuple[str, float, str]], values: Sequence[float], x: str) -> Figure:
    return draw_bars([name for name, _, _ in bars], values, [kind for _, _, kind in bars], x)


def _charged(operator: Operator) -> tuple[str, float, str]:
    """Return an operator's name, its energy and what that is spent on."""
    kind = "accumulations of events" if operator.events else "multiplications"
    return operator.path or operator.node, operator.energy, kind


def draw_measured(report: Report) -> list[Picture]:
    """Return the charts of what the methods measured."""
    return [draw_chart(chart) for chart in report.charts]


def draw_chart(chart: Chart) -> Picture:
    """Return one chart that is there as data."""
    curves = ", ".join(curve.label for curve in chart.curves[:8])
    alt = f"{chart.caption}: {chart.y} over {chart.x}{f', of {curves}' if curves else ''}."
    return as_picture(chart_figure(chart), chart.caption, alt)


def chart_figure(chart: Chart) -> Figure:
    """Return the figure of a chart."""
    figure, axes = empty_chart(chart.x, chart.y)
    if chart.kind == "lines":
        draw_lines(axes, [Line(curve.label, curve.xs, curve.ys) for curve in chart.curves])
    else:
        draw_groups(axes, [Line(curve.label, curve.xs, curve.ys) for curve in chart.curves])
        axes.locator_params(axis="x", integer=True)
    if chart.doublings and chart.curves:
        label_timesteps(axes, sorted({int(x) for curve in chart.curves for x in curve.xs}))
    return figure
