"""The charts of what a search found and of how samples leave early; what calibration data tells is marked as such."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from snnfw.report.answers import headline_of
from snnfw.report.drawing import (
    COLOURS,
    QUIET,
    Line,
    Picture,
    as_picture,
    data_uri,
    draw_legend,
    draw_lines,
    empty_chart,
)
from snnfw.report.records import (
    ExitStep,
    Record,
    SweepPoint,
    candidates,
    chosen_point,
    exit_steps,
    frontier_points,
    sweep_points,
    uniform_points,
)
from snnfw.report.scales import choose_scale
from snnfw.report.units import scale_to_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from snnfw.report.report import Report

CAPTIONS: Mapping[str, str] = {
    "frontier": "The frontier: the least change of the output that each cost can have, on calibration data",
    "sensitivity": "How much the output changes with each choice, layer by layer, on calibration data",
    "tried": "Score over energy of the plans that were tried whole, on the samples to fit on",
    "trials": "Score over energy of the plans that were tried, on calibration data",
}
"""What pictures of a search show, by the first word of their file; of any other the file's name says it."""


def search_pictures(report: Report, files: Mapping[str, str | bytes]) -> list[Picture]:
    """Return the pictures that a search drew, or else its frontier where it says one."""
    if rows := candidates(report.search or {}):
        return [_candidates(report, rows)]
    drawn = [
        Picture(_caption(name.removeprefix("search/").removesuffix(".png")), data_uri(content, "image/png"))
        for name, content in sorted(files.items())
        if name.startswith("search/") and name.endswith(".png") and isinstance(content, bytes)
    ]
    return drawn or draw_search(report)


def _caption(name: str) -> str:
    kind, _, of = name.partition("-")
    return f"{CAPTIONS[kind]}{f' ({of})' if of else ''}" if kind in CAPTIONS else name


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
    chosen = f", the chosen one at cost {point[0]:.3g}" if point else ""
    alt = f"Curve of sensitivity over cost, {len(points)} points{chosen}."
    return [as_picture(figure, "The frontier: the least sensitivity that each cost can have, on calibration data", alt)]


def _candidates(report: Report, rows: Sequence[Record]) -> Picture:
    """Return what each candidate drops for what it costs: those that another one beats, the frontier, the choice."""
    asked = (report.search or {}).get("asked")
    minimise = str(asked.get("minimise")) if isinstance(asked, Mapping) else "energy"
    key, label = {"timesteps": ("steps", "mean timesteps"), "spikes": ("spikes", "spikes per sample")}.get(
        minimise, ("energy", "energy per sample")
    )
    costs, prefix = scale_to_unit([row[key] * (1e-3 if key == "energy" else 1.0) for row in rows])
    unit = f" ({prefix}J)" if key == "energy" else f" ({prefix})" if prefix else ""
    figure, axes = empty_chart(f"{label}{unit}", f"{report.headline}: points below the network")
    points = list(zip(costs, (row["drop"] for row in rows), rows, strict=True))
    shown = [
        ("beaten by another", [p for p in points if not p[2].get("frontier")], QUIET, ".", "none"),
        ("frontier", [p for p in points if p[2].get("frontier")], COLOURS[0], "o", "-"),
        ("chosen", [p for p in points if p[2].get("chosen")], COLOURS[1], "*", "none"),
    ]
    names = []
    for name, some, colour, marker, line in shown:
        if some:
            size = 13 if marker == "*" else 5
            axes.plot([p[0] for p in some], [p[1] for p in some], color=colour, marker=marker, linestyle=line, ms=size)
            names.append(name)
    allowed = asked.get("drop") if isinstance(asked, Mapping) else None
    if isinstance(allowed, int | float):
        axes.axhline(allowed, color=QUIET, linestyle="--", linewidth=1.2)
        names.append(f"allowed: {allowed:g}")
    if max(costs) > 20 * min(costs) > 0:
        axes.set_xscale("log")
    axes.invert_yaxis()
    draw_legend(axes, list(axes.lines), names)
    alt = f"Points of {len(rows)} candidates: how many points each drops over what it costs; the chosen one is a star."
    return as_picture(figure, "What each candidate drops for what it costs, on held-out samples", alt)


def _logarithmic(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """Spread sensitivities of several orders of magnitude."""
    values = [value for _, value in points]
    if min(values) > 0 and max(values) > 30 * min(values):
        axes.set_yscale("log")


def draw_exits(report: Report) -> list[Picture]:
    """Return how many samples left when, and what other thresholds would give."""
    rows = exit_steps(report)
    pictures = [_exits(report, rows)] if len(rows) > 1 else []
    told = [(row.timestep, row.threshold) for row in rows if row.threshold is not None]
    if len({threshold for _, threshold in told}) > 1:
        pictures.append(_thresholds(told))
    if tried := sweep_points(report.exit or {}):
        pictures.append(_sweep(report, tried))
    return pictures


def _exits(report: Report, rows: Sequence[ExitStep]) -> Picture:
    figure, axes = empty_chart("timestep", "evaluation samples that leave (%)")
    axes.bar([row.timestep for row in rows], [100 * row.share for row in rows], color=COLOURS[0], width=0.8)
    mean = report.checkpoints[-1].steps
    axes.axvline(mean, color=COLOURS[1], linestyle="--", linewidth=1.2)
    draw_legend(axes, list(axes.lines), [f"mean {mean:.2f}"])
    axes.set_xlim(0.4, report.checkpoints[-1].timestep + 0.6)
    axes.locator_params(axis="x", integer=True)
    most = max(rows, key=lambda row: row.share)
    alt = f"Bars of samples that leave by timestep; most, {most.share:.0%}, leave after timestep {most.timestep}."
    return as_picture(figure, "When evaluation samples leave", alt)


def _thresholds(told: Sequence[tuple[int, float]]) -> Picture:
    figure, axes = empty_chart("timestep", "threshold")
    draw_lines(axes, [Line("what a sample has to exceed to leave", *_columns(told))])
    axes.locator_params(axis="x", integer=True)
    axes.ticklabel_format(axis="y", useOffset=False)
    alt = (
        f"Curve of the threshold, from {told[0][1]:.4g} at timestep {told[0][0]} to {told[-1][1]:.4g} at {told[-1][0]}."
    )
    return as_picture(figure, "The exit rule's threshold over time, fitted on calibration samples", alt)


def _sweep(report: Report, tried: Sequence[SweepPoint]) -> Picture:
    """Return the sweep on calibration samples, dotted and hollow, beside what evaluation samples gave."""
    final, own = report.checkpoints[-1], headline_of(report, report.network)
    ours = headline_of(report, final)
    scale = choose_scale([*(swept.score for swept in tried), own, ours], report.samples)
    figure, axes = empty_chart("mean timesteps", scale.label(report.headline))
    steps, scores = [swept.steps for swept in tried], scale.heights([swept.score for swept in tried])
    axes.plot(steps, scores, color=COLOURS[0], linestyle=":", marker="o", markerfacecolor="none", markersize=5)
    axes.plot([final.steps], [scale.height(ours)], color=COLOURS[1], linestyle="none", marker="*", ms=13)
    axes.axhline(scale.height(own), color=QUIET, linestyle="--", linewidth=1.2)
    draw_legend(
        axes,
        list(axes.lines),
        ["constant thresholds, calibration samples", "this run, evaluation samples", "network, evaluation samples"],
    )
    scale.apply(axes)
    caption = f"Score ({report.headline}) against mean timesteps{scale.note}: a sweep of constant thresholds"
    alt = (
        f"Dotted curve of {len(tried)} thresholds on calibration samples, from {tried[0].score:.4g} after "
        f"{tried[0].steps:.3g} timesteps to {tried[-1].score:.4g} after {tried[-1].steps:.3g}; a star for this run on "
        f"evaluation samples, {ours:.4g} after {final.steps:.3g}."
    )
    return as_picture(figure, f"{caption} on calibration samples, this run on evaluation samples", alt)


def _columns(points: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    listed = list(points)
    return [x for x, _ in listed], [y for _, y in listed]
