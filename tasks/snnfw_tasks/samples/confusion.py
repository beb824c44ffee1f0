"""Draw what the spiking network takes for what: all classes where they are few, else the most frequent errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw_tasks.samples.drawing import WIDTH, as_png, shorten, white_figure
from snnfw_tasks.samples.palette import INK, QUIET, RIGHT, WRONG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from snnfw_tasks.samples.confusions import Confusions

MOST_IN_MATRIX, MOST_PAIRS = 20, 12
"""So many classes are drawn as a matrix; so many errors where there are more."""
LONGEST = 20
CELL, LETTER, LINE = 0.36, 0.062, 0.19
"""Inches: a cell at most, a letter in the names of classes, and a line of words."""


def draw_confusions(confusions: Confusions, classes: Sequence[str]) -> bytes | None:
    """Return a PNG, or none where there are many classes and no error."""
    names = [shorten(name, LONGEST) for name in classes]
    if len(names) <= MOST_IN_MATRIX:
        return _draw_matrix(confusions, names)
    errors = confusions.errors()[:MOST_PAIRS]
    return _draw_errors(errors, names) if errors else None


def _draw_matrix(confusions: Confusions, names: Sequence[str]) -> bytes:
    """Return a matrix of counts, a row for each true class: blue where right, orange where wrong; and errors named."""
    counts = confusions.counts()
    margin = LETTER * max(map(len, names)) + 0.15
    side = min(CELL, (WIDTH - margin - 0.4) / len(names)) * len(names)
    high = side + margin + 0.4
    figure = white_figure(WIDTH, high)
    axes = figure.add_axes(((margin + 0.3) / WIDTH, 0.1 / high, side / WIDTH, side / high))
    most = max(counts.values())
    size = 8 if len(names) <= 12 else 6.5
    for (row, column), count in counts.items():
        _fill(axes, row, column, count, count / most, size)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5), xlabel="answer", ylabel="true class")
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    upright = max(map(len, names)) > 4
    for axis, turned in ((axes.xaxis, upright), (axes.yaxis, False)):
        axis.set_ticks(range(len(names)), names, fontsize=8, color=INK, rotation=90 if turned else 0, parse_math=False)
        axis.label.set(fontsize=8, color=QUIET)
    axes.tick_params(length=0)
    axes.spines[:].set_color("0.7")
    _list_errors(figure, confusions.errors(), names, margin + 0.5 + side, side + 0.1)
    return as_png(figure)


def _list_errors(
    figure: Figure, errors: Sequence[tuple[int, int, int]], names: Sequence[str], left: float, top: float
) -> None:
    """Name the most frequent errors beside the matrix, as many as there is room for, which may be none."""
    width, height = figure.get_size_inches()
    lines = [f"{names[true]} taken for {names[said]}: {count}" for true, said, count in errors[:MOST_PAIRS]]
    room = [line for line in lines if LETTER * len(line) < width - left]
    if len(room) < len(lines) or not lines:
        return
    shown = ["most often wrong", *lines[: int((top - 0.2) / LINE)]]
    for number, line in enumerate(shown):
        place = left / width, (top - LINE * number) / height
        figure.text(*place, line, fontsize=8, color=INK if number else QUIET, va="top", parse_math=False)


def _fill(axes: Axes, row: int, column: int, count: int, share: float, size: float) -> None:
    """Fill a cell and write its count; an error is shaded enough to be seen however rare it is."""
    from matplotlib.patches import Rectangle

    shade = 0.1 + 0.9 * share if row == column else 0.35 + 0.65 * share
    colour = RIGHT if row == column else WRONG
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, alpha=shade, linewidth=0))
    words = "white" if shade > 0.6 else INK
    axes.text(column, row, str(count), fontsize=size, color=words, ha="center", va="center_baseline")


def _draw_errors(errors: Sequence[tuple[int, int, int]], names: Sequence[str]) -> bytes:
    """Return bars: how often which class is taken for which."""
    from matplotlib.ticker import MaxNLocator

    pairs = [f"{names[true]} → {names[said]}" for true, said, _ in errors]
    margin = LETTER * max(map(len, pairs)) + 0.15
    high = 0.24 * len(pairs) + 0.5
    figure = white_figure(WIDTH, high)
    axes = figure.add_axes((margin / WIDTH, 0.4 / high, min(3.0, WIDTH - margin - 0.1) / WIDTH, 1 - 0.5 / high))
    counts = [count for *_, count in errors]
    bars = axes.barh(range(len(pairs)), counts, color=WRONG, height=0.7)
    axes.bar_label(bars, fontsize=8, color=INK, padding=2)
    axes.set(ylim=(len(pairs) - 0.4, -0.6), xlim=(0, 1.1 * max(counts)))
    axes.set_yticks(range(len(pairs)), pairs, fontsize=8, color=INK, parse_math=False)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("samples", fontsize=8, color=QUIET)
    axes.tick_params(labelsize=8, colors=INK, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return as_png(figure)
