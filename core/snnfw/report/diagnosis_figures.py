"""The charts of a diagnosis: where errors come from, how they grow, and single neurons over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from snnfw.diagnosis.findings import Diagnosis, SiteError, decibels, telling_parts
from snnfw.diagnosis.traces import NeuronTrace, SiteTrace
from snnfw.report.drawing import (
    INK,
    QUIET,
    Line,
    Picture,
    as_picture,
    draw_lines,
    empty_chart,
    line_colour,
    shorten,
    style_axes,
)
from snnfw.report.selecting import keep_largest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SITES = 32
"""Sites that a chart of bars shows: those with the largest errors of their own, in the order of execution."""

MOST_DECIBELS = 120.0
"""Where the axis of signal-to-noise ratios ends: beyond it nothing but rounding is left."""

SCATTERED = 6
"""Sites whose activations are drawn against what is sent."""


def draw_parts(sites: Sequence[SiteError]) -> Picture:
    """Return each site's error as a bar of its parts; what makes up for others reaches to the left."""
    shown = keep_largest(sites, lambda site: site.own, MOST_SITES)
    figure, axes = empty_chart("relative error", "", width=7.6, height=1.1 + 0.2 * len(shown))
    names = telling_parts(shown)
    right, left = [0.0] * len(shown), [0.0] * len(shown)
    for number, part in enumerate(names):
        values = [site.parts[part] for site in shown]
        starts = [right[row] if value >= 0 else left[row] for row, value in enumerate(values)]
        axes.barh(range(len(shown)), values, left=starts, height=0.72, color=line_colour(number))
        for row, value in enumerate(values):
            (right if value >= 0 else left)[row] += value
    axes.set_yticks(range(len(shown)), labels=[shorten(site.site) for site in shown], fontsize=7.5, parse_math=False)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    _name_above(figure, list(axes.containers), names)
    rest = len(sites) - len(shown)
    left_out = f"; the {rest} sites with smaller errors of their own are in the table" if rest else ""
    return as_picture(figure, f"Where each site's error comes from{left_out}")


def draw_growth(found: Diagnosis) -> Picture:
    """Return the signal-to-noise ratio over depth: of everything, and of what arises at each site alone."""
    sites = [site for site in found.sites if not site.is_silent]
    figure, axes = empty_chart("site, in the order of execution", "signal-to-noise ratio (dB)", width=7.6)
    places = list(range(1, len(sites) + 1))
    lines = [
        Line("all that came together", places, [min(site.snr, MOST_DECIBELS) for site in sites]),
        Line("what arises there alone", places, [min(decibels(site.own), MOST_DECIBELS) for site in sites]),
    ]
    draw_lines(axes, lines)
    axes.locator_params(axis="x", integer=True)
    return as_picture(figure, "Signal-to-noise ratio of what is sent, site by site")


def draw_scatter(found: Diagnosis) -> Picture:
    """Return what is sent against the network's activations, for the sites that are furthest off by themselves."""
    from matplotlib.figure import Figure

    heard = [site for site in found.sites if site.points]
    shown = keep_largest(heard, lambda site: math.inf if site is found.bad else site.own, SCATTERED)
    columns = min(3, len(shown)) or 1
    rows = -(-len(shown) // columns) or 1
    figure = Figure(figsize=(2.6 * columns, 2.4 * rows + 0.2), layout="constrained")
    for number, site in enumerate(shown):
        axes = figure.add_subplot(rows, columns, number + 1)
        style_axes(axes, 7)
        xs, ys = zip(*site.points, strict=True)
        ends = (min(*xs, *ys, 0.0), max(*xs, *ys, 1e-9))
        axes.plot(ends, ends, color=QUIET, linewidth=1, linestyle="--")
        axes.plot(xs, ys, ".", color=line_colour(0), markersize=3)
        axes.set_title(shorten(site.site), fontsize=8, parse_math=False, color=INK)
    figure.supxlabel("activation of the network", fontsize=9, color=INK)
    figure.supylabel("what is sent", fontsize=9, color=INK)
    return as_picture(figure, "What is sent against the network's own activations, neuron by neuron")


def draw_traces(trace: SiteTrace) -> Picture:
    """Return what some neurons send, and their potentials, over time."""
    from matplotlib.figure import Figure

    count = len(trace.neurons)
    figure = Figure(figsize=(7.6, 1.0 + 0.95 * count), layout="constrained")
    for number, neuron in enumerate(trace.neurons):
        axes = figure.add_subplot(count, 1, number + 1)
        style_axes(axes, 7)
        _draw_neuron(axes, neuron)
        axes.set_ylabel(f"neuron {neuron.index}", fontsize=7.5, parse_math=False, color=INK)
        if number < count - 1:
            axes.tick_params(labelbottom=False)
    axes.set_xlabel("timestep", fontsize=9, color=INK)
    names = ["what is sent", trace.state or "potential", "threshold"]
    handles: list[Any] = [*axes.containers[:1], *axes.lines[:2]]
    _name_above(figure, handles, names[: len(handles)])
    return as_picture(figure, f"Neurons of '{trace.site}' over time, in one sample")


def _draw_neuron(axes: Axes, neuron: NeuronTrace) -> None:
    steps = range(1, len(neuron.sent) + 1)
    axes.bar(steps, neuron.sent, width=0.6, color=line_colour(1))
    if neuron.potential:
        axes.plot(steps, neuron.potential, color=line_colour(0), linewidth=1.2, marker=".", markersize=4)
    axes.axhline(neuron.threshold, color=QUIET, linestyle="--", linewidth=1)
    axes.locator_params(axis="x", integer=True)


def _name_above(figure: Figure, drawn: Any, names: Sequence[str]) -> None:
    """Say above a chart what was drawn, bars too, which matplotlib's types do not know."""
    place: Any = {"loc": "outside upper center", "ncols": max(1, len(names)), "fontsize": 8, "frameon": False}
    figure.legend(drawn, names, labelcolor=INK, **place)
