"""The charts of a run: what it scored and cost over timesteps, layer by layer, and what search and exit found."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from snnfw.report.calls import merge_layers, merge_operators
from snnfw.report.drawing import (
    COLOURS,
    QUIET,
    Line,
    Picture,
    as_picture,
    draw_bars,
    draw_groups,
    draw_legend,
    draw_lines,
    empty_chart,
    label_timesteps,
)
from snnfw.report.records import chosen_point, exit_steps, frontier_points, sweep_points, uniform_points
from snnfw.report.units import scale_to_unit
from snnfw.values import Chart, Keep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from snnfw.report.report import Checkpoint, Network, Operator, Report


def draw_timesteps(report: Report) -> list[Picture]:
    """Return the headline metric and the energy at every checkpoint, with the network's own."""
    steps = [point.timestep for point in report.checkpoints]
    scores = [_headline(report, point) for point in report.checkpoints]
    figure, axes = empty_chart("timesteps", report.headline)
    draw_lines(axes, [Line("spiking network", steps, scores)], _headline(report, report.network))
    label_timesteps(axes, steps)
    return [as_picture(figure, f"{report.headline} over timesteps"), _energy(report, steps)]


def _energy(report: Report, steps: list[int]) -> Picture:
    used = [point.energy.total * 1e-3 for point in report.checkpoints]
    quantised = [point.energy.quantised * 1e-3 for point in report.checkpoints if point.energy.quantised is not None]
    (network, *values), prefix = scale_to_unit([report.network.energy * 1e-3, *used, *quantised])
    lines = [Line("spiking network", steps, values[: len(steps)])]
    if len(quantised) == len(steps):
        lines.append(Line("quantised to as much information", steps, values[len(steps) :]))
    figure, axes = empty_chart("timesteps", f"energy per sample ({prefix}J)")
    draw_lines(axes, lines, network)
    label_timesteps(axes, steps)
    axes.set_ylim(bottom=0)
    return as_picture(figure, "Energy over timesteps")


def draw_layers(report: Report) -> list[Picture]:
    """Return each spiking site's firing rate and each operator's energy, at the last checkpoint."""
    layers = merge_layers(report.layers)
    spiking = [layer for layer in layers if layer.neuron != Keep.name]
    charged = [_charged(operator) for operator in merge_operators(report.operators) if operator.energy > 0]
    charged += [(layer.site, layer.energy, "neurons") for layer in layers if layer.energy > 0]
    pictures = []
    if spiking:
        names, rates = [layer.site for layer in spiking], [layer.rate for layer in spiking]
        figure = draw_bars(names, rates, [""] * len(names), "events per neuron and timestep")
        pictures.append(as_picture(figure, "Firing rates"))
    if charged:
        values, prefix = scale_to_unit(energy * 1e-3 for _, energy, _ in charged)
        names, kinds = [name for name, _, _ in charged], [kind for _, _, kind in charged]
        figure = draw_bars(names, values, kinds, f"energy per sample ({prefix}J)")
        pictures.append(as_picture(figure, "Energy of each operator"))
    return pictures


def _charged(operator: Operator) -> tuple[str, float, str]:
    """Return an operator's name, its energy and what that is spent on."""
    kind = "accumulations of events" if operator.events else "multiplications"
    return operator.path or operator.node, operator.energy, kind


def draw_search(report: Report) -> list[Picture]:
    """Return the frontier that a search found, with its choice and the uniform plans, where it says them."""
    record = report.search or {}
    points = frontier_points(record)
    if not points:
        return []
    unit = f" ({record['cost_unit']})" if record.get("cost_unit") else ""
    figure, axes = empty_chart(f"cost{unit}", "sensitivity")
    axes.plot(*_columns(points), color=COLOURS[0], linewidth=1.2, marker=".", markersize=3)
    names = ["frontier"]
    if uniform := uniform_points(record):
        axes.plot(*_columns(uniform), color=QUIET, linestyle="none", marker="s", markersize=6)
        names.append("uniform")
    if point := chosen_point(record):
        axes.plot(*_columns([point]), color=COLOURS[1], linestyle="none", marker="*", markersize=13)
        names.append("chosen")
    draw_legend(axes, list(axes.lines), names)
    _logarithmic(axes, points)
    return [as_picture(figure, "The frontier: the least sensitivity that each cost can have, on calibration data")]


def _logarithmic(axes: Axes, points: list[tuple[float, float]]) -> None:
    """Spread sensitivities of several orders of magnitude."""
    values = [value for _, value in points]
    if min(values) > 0 and max(values) > 30 * min(values):
        axes.set_yscale("log")


def draw_measured(report: Report) -> list[Picture]:
    """Return the charts of what the methods measured."""
    return [draw_chart(chart) for chart in report.charts]


def draw_chart(chart: Chart) -> Picture:
    """Return one chart that is there as data."""
    return as_picture(chart_figure(chart), chart.caption)


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


def draw_exits(report: Report) -> list[Picture]:
    """Return how many samples left when, and what other thresholds would give."""
    pictures = []
    if rows := exit_steps(report):
        figure, axes = empty_chart("timestep", "samples that leave (%)")
        axes.bar([row.timestep for row in rows], [100 * row.share for row in rows], color=COLOURS[0], width=0.8)
        mean = report.checkpoints[-1].steps
        axes.axvline(mean, color=COLOURS[1], linestyle="--", linewidth=1.2)
        draw_legend(axes, list(axes.lines), [f"mean {mean:.2f}"])
        axes.set_xlim(0.4, report.checkpoints[-1].timestep + 0.6)
        axes.locator_params(axis="x", integer=True)
        pictures.append(as_picture(figure, "Exits"))
    if told := [row for row in rows if row.threshold is not None]:
        figure, axes = empty_chart("timestep", "threshold")
        steps, thresholds = [row.timestep for row in told], [row.threshold or 0.0 for row in told]
        draw_lines(axes, [Line("what a sample has to exceed to leave", steps, thresholds)])
        axes.locator_params(axis="x", integer=True)
        pictures.append(as_picture(figure, "The exit rule's threshold over time"))
    if tried := sweep_points(report.exit or {}):
        pictures.append(_sweep(report, [(swept.steps, swept.score) for swept in tried]))
    return pictures


def _sweep(report: Report, tried: list[tuple[float, float]]) -> Picture:
    final = report.checkpoints[-1]
    figure, axes = empty_chart("mean timesteps", report.headline)
    own = _headline(report, report.network)
    draw_lines(axes, [Line("other thresholds, calibration data", *_columns(tried))], own)
    axes.plot([final.steps], [_headline(report, final)], color=COLOURS[1], linestyle="none", marker="*", ms=13)
    drawn, names = list(axes.lines), ["other thresholds, calibration data", "network", "this run"]
    draw_legend(axes, drawn, names)
    return as_picture(figure, f"{report.headline} against mean timesteps, for a sweep of thresholds")


def _headline(report: Report, scored: Network | Checkpoint) -> float:
    """Return the headline metric, NaN where there is none, which charts leave out."""
    return scored.scores.get(report.headline, math.nan)


def _columns(points: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    listed = list(points)
    return [x for x, _ in listed], [y for _, y in listed]
