"""Draw charts without a display and return them as images that a page holds within itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5D3A9B")
"""Told apart by everybody: Okabe and Ito's palette, its yellow replaced by a violet that shows on white."""
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
INK = "#1C2024"
NETWORK = "#333333"
QUIET = "#999999"
GRID = "#E3E6E9"

DARK = {
    **dict(zip(COLOURS, ("#4AA8E8", "#FF8A3D", "#2CC79A", "#E59CC5", "#F2B134", "#8FD0F7", "#B99AF0"), strict=True)),
    INK: "#E4E8EC",
    NETWORK: "#C9CFD6",
    QUIET: "#8D97A1",
    GRID: "#333B44",
}
"""What each colour is on a dark page, those of lines first: as far from it as the light one is from white."""

MOST_TICKS = 12
LONGEST_LABEL = 44


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as a data URI, with the sentence that stands under it.

    ``alt`` says what the image shows to who cannot see it, the caption where nothing is said; ``drawn`` that it is a
    chart of this package, which follows the colours of the page.
    """

    caption: str
    source: str
    alt: str = ""
    drawn: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float]


def empty_chart(x: str, y: str, width: float = 5.2, height: float = 3.6) -> tuple[Figure, Axes]:
    """Return an empty chart with labelled axes; sizes are in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x, fontsize=9, parse_math=False, color=INK)
    axes.set_ylabel(y, fontsize=9, parse_math=False, color=INK)
    style_axes(axes, 8)
    return figure, axes


def style_axes(axes: Axes, size: float) -> None:
    """Draw axes quietly, on whatever stands behind them, with ticks' labels of a size."""
    axes.tick_params(which="both", labelsize=size, color=QUIET, labelcolor=INK)
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(QUIET)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def draw_lines(axes: Axes, drawn: Sequence[Line], network: float | None = None) -> None:
    """Draw every line in a colour and with a marker of its own, the network's level dashed, and name them all."""
    for number, line in enumerate(drawn):
        axes.plot(
            line.xs, line.ys, color=line_colour(number), marker=line_marker(number), markersize=4.5, linewidth=1.5
        )
    if network is not None:
        axes.axhline(network, color=NETWORK, linestyle="--", linewidth=1.2)
    names = [line.label for line in drawn] + ["network"] * (network is not None)
    draw_legend(axes, list(axes.lines), names)


def draw_groups(axes: Axes, drawn: Sequence[Line]) -> None:
    """Draw bars side by side at the same places, a colour for each line, and name them."""
    places = sorted({x for line in drawn for x in line.xs})
    gap = min((right - left for left, right in pairwise(places)), default=1.0)
    width = 0.8 * gap / max(1, len(drawn))
    bars = []
    for number, line in enumerate(drawn):
        shift = (number - (len(drawn) - 1) / 2) * width
        bars.append(axes.bar([x + shift for x in line.xs], line.ys, width=width, color=line_colour(number)))
    draw_legend(axes, bars, [line.label for line in drawn])


def draw_legend(axes: Axes, drawn: Sequence[Artist | BarContainer], names: Sequence[str]) -> None:
    """Name what was drawn; names are shown as they are, dollars and leading underscores included."""
    # matplotlib leaves out names that begin with an underscore.
    labels = [f" {shorten(name)}" for name in names]
    box = axes.legend(drawn, labels, fontsize=8, frameon=False, labelcolor=INK)
    for text in box.get_texts():
        text.set_parse_math(False)


def draw_bars(
    labels: Sequence[str], values: Sequence[float], kinds: Sequence[str], x: str, named: bool = True
) -> Figure:
    """Return horizontal bars, the first on top, as high as they are many, in a colour for each kind, maybe named."""
    figure, axes = empty_chart(x, "", height=0.9 + 0.18 * len(labels))
    for number, kind in enumerate(sorted(set(kinds))):
        rows = [row for row, other in enumerate(kinds) if other == kind]
        axes.barh(rows, [values[row] for row in rows], color=line_colour(number), height=0.72, label=kind)
    axes.set_yticks(range(len(labels)), labels=[shorten(label) for label in labels], fontsize=7.5, parse_math=False)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.margins(x=0.02)
    axes.grid(visible=False, axis="y")
    if named and len(set(kinds)) > 1:
        figure.legend(loc="outside upper center", ncols=2, fontsize=8, frameon=False, labelcolor=INK)
    return figure


def label_timesteps(axes: Axes, timesteps: Sequence[int]) -> None:
    """Show timesteps by their doublings, each one marked as long as there is room."""
    axes.set_xscale("log", base=2)
    marked = sorted(set(timesteps))
    if len(marked) > MOST_TICKS:
        marked = [step for step in marked if step & (step - 1) == 0 or step == marked[-1]]
    axes.set_xticks(marked, labels=[str(step) for step in marked])
    axes.minorticks_off()


def as_picture(figure: Figure, caption: str, alt: str = "") -> Picture:
    """Return the chart as a picture, its text turned into shapes so that it looks the same everywhere."""
    figure.set_facecolor("none")
    return Picture(caption, data_uri(follow_page(as_svg(figure)), "image/svg+xml"), alt, drawn=True)


def follow_page(svg: bytes) -> bytes:
    """Return a chart whose colours are those of a light or a dark page, as the reader prefers."""
    text, names = svg.decode(), {light: f"--c{number}" for number, light in enumerate(DARK)}
    for light, name in names.items():
        text = text.replace(light.lower(), f"var({name})")
    light_ones = "".join(f"{name}:{light};" for light, name in names.items())
    dark_ones = "".join(f"{names[light]}:{dark};" for light, dark in DARK.items())
    style = f"<style>:root{{{light_ones}}}@media (prefers-color-scheme: dark){{:root{{{dark_ones}}}}}</style>"
    head, tag, rest = text.partition("<defs>")
    return f"{head}{style}{tag}{rest}".encode()


def as_svg(figure: Figure) -> bytes:
    """Return a chart as an SVG, the same bytes whenever it is drawn."""
    from matplotlib import rc_context

    drawn = io.BytesIO()
    with rc_context({"svg.hashsalt": "snnfw"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()


def data_uri(content: bytes, kind: str) -> str:
    """Return content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def line_colour(number: int) -> str:
    """Return the colour of the line with a number."""
    return COLOURS[number % len(COLOURS)]


def line_marker(number: int) -> str:
    """Return the marker of the line with a number; with the colour it repeats after 56 lines only."""
    return MARKERS[number % len(MARKERS)]


def shorten(label: str) -> str:
    """Return a label that fits beside a chart: of a long module path the end says most."""
    return label if len(label) <= LONGEST_LABEL else f"…{label[1 - LONGEST_LABEL :]}"
