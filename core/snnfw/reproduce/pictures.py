"""Draw what a table's rows came to: scores over timesteps, or scores over energy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from snnfw.report.drawing import Line as Curve
from snnfw.report.drawing import as_svg, draw_legend, draw_lines, empty_chart, label_timesteps, line_colour, line_marker
from snnfw.reproduce.lines import ENERGY, Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_reproduction(lines: Sequence[Line]) -> bytes | None:
    """Return a picture (SVG) of the first metric's lines, the published numbers hollow; None for less than two."""
    drawn = [line for line in lines if line.ours is not None and line.metric != ENERGY]
    drawn = [line for line in drawn if line.metric == drawn[0].metric]
    if len(drawn) < 2:
        return None
    rows: dict[str, list[Line]] = {}
    for line in drawn:
        rows.setdefault(line.row, []).append(line)
    over_time = any(len({line.timesteps for line in row}) > 1 for row in rows.values())
    figure = _over_time(rows, drawn[0].metric) if over_time else _over_energy(rows, drawn[0].metric)
    return as_svg(figure)


def _over_time(rows: dict[str, list[Line]], metric: str) -> Figure:
    figure, axes = empty_chart("timesteps", f"{metric} (%)")
    draw_lines(axes, [Curve(row, *_columns([(line.timesteps, line.ours) for line in of])) for row, of in rows.items()])
    for number, of in enumerate(rows.values()):
        same = [(line.timesteps, line.published) for line in of if line.published_timesteps == line.timesteps]
        _mark(axes, number, *_columns(same), hollow=True)
    label_timesteps(axes, sorted({line.timesteps or 1 for of in rows.values() for line in of}))
    return figure


def _over_energy(rows: dict[str, list[Line]], metric: str) -> Figure:
    figure, axes = empty_chart("energy per sample (% of the network's)", f"{metric} (%)")
    for number, of in enumerate(rows.values()):
        _mark(axes, number, *_columns([(100 * (line.energy_ratio or 0.0), line.ours) for line in of]))
    draw_legend(axes, list(axes.lines), list(rows))
    return figure


def _mark(axes: Axes, number: int, xs: list[float], ys: list[float], hollow: bool = False) -> None:
    fill = "none" if hollow else line_colour(number)
    axes.plot(xs, ys, color=line_colour(number), marker=line_marker(number), markerfacecolor=fill, linestyle="none")


def _columns(points: Sequence[tuple[float | None, float | None]]) -> tuple[list[float], list[float]]:
    known = [(x, y) for x, y in points if x is not None and y is not None]
    return [x for x, _ in known], [y for _, y in known]
