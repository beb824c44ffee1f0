"""What pictures of tasks share: figures, names, images, and how they become files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from snnfw_tasks.samples.palette import INK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    from snnfw_tasks.samples.palette import Colour

WIDTH, DOTS = 6.4, 150
"""A page's width in inches and dots per inch: words are large enough on a screen, and nearly so on a phone."""
NAME, LINE = 0.068, 0.2
"""Inches of a letter and of a line in a legend."""
HEAD, GAP = 0.42, 0.05
"""Inches above panels, for their titles, and between them."""
MOST_NAMED, LONGEST = 24, 20
"""So many classes are named in a legend, and so many letters of a name."""


def as_png(figure: Figure) -> bytes:
    """Return a figure as a PNG."""
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def white_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches, white whatever the page around it is."""
    from matplotlib.figure import Figure

    return Figure((width, height), dpi=DOTS, facecolor="white")


def count_of(number: int, things: str) -> str:
    """Return a number with what it counts: ``1 image``, ``2 images``."""
    return f"{number} {things.removesuffix('s') if number == 1 else things}"


def shorten(name: str, letters: int) -> str:
    """Return a name, cut where it is longer than so many letters."""
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def sketch_image(axes: Axes, *, sample: Tensor, position: int) -> None:
    """Draw an image [C, H, W] from its darkest value to its brightest; other than three channels are grey together."""
    del position
    low, high = float(sample.min()), float(sample.max())
    seen = (sample.float() - low) / max(high - low, 1e-12)
    shown = seen.permute(1, 2, 0) if len(seen) == 3 else seen.mean(0)
    axes.imshow(shown.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[], anchor="W")
    axes.spines[:].set_color("0.7")


def panel_width(across: int) -> float:
    """Return how wide each of so many panels beside each other is, in inches."""
    return (WIDTH - GAP * (across + 1)) / across


def panel_page(
    titles: Sequence[str], rows: int, tall: float, key: Sequence[tuple[Colour, str]]
) -> tuple[Figure, list[list[Axes]]]:
    """Return a page of empty panels, so many inches high, by column and row; classes are named below."""
    side, foot = panel_width(len(titles)), 0.1 + draw_names(None, key)
    total = HEAD + foot + rows * (tall + GAP)
    figure, columns = white_figure(WIDTH, total), []
    for column, title in enumerate(titles):
        left = GAP + column * (side + GAP)
        figure.text((left + side / 2) / WIDTH, 1 - 0.06 / total, title, fontsize=8, color=INK, ha="center", va="top")
        bottoms = [total - HEAD - (row + 1) * tall - row * GAP for row in range(rows)]
        places = [(left / WIDTH, bottom / total, side / WIDTH, tall / total) for bottom in bottoms]
        columns.append([figure.add_axes(place, xticks=[], yticks=[]) for place in places])
    for axes in figure.axes:
        axes.spines[:].set_color("0.7")
    draw_names(figure, key)
    return figure, columns


def draw_names(figure: Figure | None, key: Sequence[tuple[Colour, str]]) -> float:
    """Name classes below a picture, each after its colour, and return how many inches of it that takes."""
    from matplotlib.patches import Patch

    shown = [(colour, shorten(name, LONGEST)) for colour, name in key[:MOST_NAMED]]
    longest = max((len(name) for _, name in shown), default=0)
    columns = max(1, min(len(shown), int(WIDTH / (NAME * longest + 0.5))))
    if figure is not None:
        patches = [Patch(color=colour, label=f" {name}") for colour, name in shown]
        box = figure.legend(
            handles=patches,
            loc="lower center",
            ncols=columns,
            fontsize=7.5,
            frameon=False,
            handlelength=1.2,
            borderpad=0,
        )
        for text in box.get_texts():
            text.set_parse_math(False)
    return LINE * -(-len(shown) // columns)
