"""Draw what the spiking network takes for what: all classes where they are few, else the most frequent errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw_tasks.samples.drawing import as_png, shorten, white_figure
from snnfw_tasks.samples.palette import INK, QUIET, RIGHT, WRONG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from snnfw_tasks.samples.confusions import Confusions

MOST_IN_MATRIX, MOST_PAIRS = 20, 12
"""So many classes are drawn as a matrix; so many errors where there are more."""
LONGEST = 18
LETTER = 0.062
"""Inches of a letter in the names of classes."""


def draw_confusions(confusions: Confusions, classes: Sequence[str]) -> bytes | None:
    """Return a PNG, or none where there are many classes and no error."""
    names = [shorten(name, LONGEST) for name in classes]
    if len(names) <= MOST_IN_MATRIX:
        return _draw_matrix(confusions.counts(), names)
    errors = confusions.errors()[:MOST_PAIRS]
    return _draw_errors(errors, names) if errors else None


def _draw_matrix(counts: Mapping[tuple[int, int], int], names: Sequence[str]) -> bytes:
    """Return a matrix of counts, a row for each true class: blue where right, orange where wrong."""
    cell = max(0.27, min(0.42, 4.2 / len(names)))
    side, margin = cell * len(names), LETTER * max(map(len, names)) + 0.15
    wide, high = side + margin + 0.4, side + margin + 0.4
    figure = white_figure(wide, high)
    axes = figure.add_axes(((margin + 0.3) / wide, 0.1 / high, side / wide, side / high))
    most = max(counts.values())
    for (row, column), count in counts.items():
        _fill(axes, row, column, count, count / most)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5), xlabel="answer", ylabel="true class")
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    upright = max(map(len, names)) > 4
    for axis, turned in ((axes.xaxis, upright), (axes.yaxis, False)):
        axis.set_ticks(range(len(names)), names, fontsize=8, color=INK, rotation=90 if turned else 0, parse_math=False)
        axis.label.set(fontsize=8, color=QUIET)
    axes.tick_params(length=0)
    axes.spines[:].set_color("0.7")
    return as_png(figure)


def _fill(axes: Axes, row: int, column: int, count: int, share: float) -> None:
    """Fill a cell and write its count; an error is shaded enough to be seen however rare it is."""
    from matplotlib.patches import Rectangle

    shade = 0.1 + 0.9 * share if row == column else 0.35 + 0.65 * share
    colour = RIGHT if row == column else WRONG
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, alpha=shade, linewidth=0))
    words = "white" if shade > 0.6 else INK
    axes.text(column, row, str(count), fontsize=8, color=words, ha="center", va="center_baseline")


def _draw_errors(errors: Sequence[tuple[int, int, int]], names: Sequence[str]) -> bytes:
    """Return bars: how often which class is taken for which."""
    from matplotlib.ticker import MaxNLocator

    pairs = [f"{names[true]} → {names[said]}" for true, said, _ in errors]
    margin = LETTER * max(map(len, pairs)) + 0.15
    wide, high = margin + 3.2, 0.24 * len(pairs) + 0.5
    figure = white_figure(wide, high)
    axes = figure.add_axes((margin / wide, 0.4 / high, 3.0 / wide, 1 - 0.5 / high))
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
