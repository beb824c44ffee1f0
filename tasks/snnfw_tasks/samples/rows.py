"""Draw samples one below the other: each with its class, both answers, and how sure they are, timestep by timestep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snnfw_tasks.samples.answers import likeliest
from snnfw_tasks.samples.drawing import WIDTH, as_png, shorten, white_figure
from snnfw_tasks.samples.palette import INK, QUIET, RIGHT, SAFE, WRONG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from snnfw_tasks.samples.answers import Answers

HEIGHT, HEAD, FOOT = 0.95, 0.42, 0.4
"""Inches of a row, and of what stands over and under the rows."""
WORDS, LETTER, GAP = 1.4, 0.06, 0.12
"""Inches: of the answers, of a letter beside the curves, and between a sample and what is said of it."""
LONGEST = 19
MARKERS = "osD^"


def draw_rows(answers: Answers, sketches: Sequence[Callable[[Axes], None]], width: float) -> bytes:
    """Return a PNG with a row for each chosen sample, which its sketch draws on so many inches across."""
    rows = len(sketches)
    total = HEAD + FOOT + HEIGHT * rows
    figure = white_figure(WIDTH, total)

    def place(left: float, row: int, across: float) -> Axes:
        bottom = FOOT + HEIGHT * (rows - 1 - row) + 0.1
        return figure.add_axes((left / WIDTH, bottom / total, across / WIDTH, (HEIGHT - 0.2) / total))

    left = GAP + width + GAP
    curves = left + WORDS + 0.25
    across = WIDTH - curves - 0.3 - LETTER * max(len(shorten(name, LONGEST)) for name in answers.classes)
    for row, sketch in enumerate(sketches):
        sketch(place(GAP, row, width))
        _write_answers(place(left, row, WORDS), answers, row)
        axes = place(curves, row, across)
        _draw_curves(axes, answers, row, 1 / across)
        axes.tick_params(labelbottom=row == rows - 1)
        if row == rows - 1:
            axes.set_xlabel("timestep", fontsize=8, color=INK, labelpad=1)
    told = "how likely a class is: spiking network (lines), network (dashes)"
    figure.text(1 - GAP / WIDTH, 1 - 0.14 / total, told, fontsize=8, color=INK, ha="right", va="top")
    return as_png(figure)


def _write_answers(axes: Axes, answers: Answers, row: int) -> None:
    """Write the true class and what both networks say, in two lines each."""
    axes.axis("off")
    position = answers.chosen[row]
    truth, scored = int(answers.truth[position]), int(answers.said[position])
    network, spiking = answers.network[position], answers.over_time[-1, row]
    told = int(network.argmax())
    # Who has left early may have left with another answer than the curves end with.
    sure = f"{float(spiking[scored]):.0%} sure" if int(spiking.argmax()) == scored else "left early"
    lines = [(f"network, {float(network[told]):.0%} sure", told), (f"spiking, {sure}", scored)]
    _write(axes, 1.0, shorten(answers.classes[truth], LONGEST), INK, weight="bold", size=8.5)
    for line, (how, label) in enumerate(lines):
        mark, colour = ("✓", RIGHT) if label == truth else ("✗", WRONG)
        _write(axes, 0.7 - 0.37 * line, how, QUIET, size=7)
        _write(axes, 0.53 - 0.37 * line, f"{mark} {shorten(answers.classes[label], LONGEST)}", colour, size=8)


def _write(axes: Axes, height: float, words: str, colour: str, size: float, weight: str = "normal") -> None:
    axes.text(
        0,
        height,
        words,
        fontsize=size,
        color=colour,
        weight=weight,
        va="top",
        parse_math=False,
        transform=axes.transAxes,
    )


def _draw_curves(axes: Axes, answers: Answers, row: int, inch: float) -> None:
    """Draw how likely a sample's classes are over the timesteps, the truth in the first colour.

    An ``inch`` is so much of the width.
    """
    from matplotlib.ticker import MaxNLocator

    position, steps, over_time = answers.chosen[row], answers.timesteps, answers.over_time[:, row]
    network = answers.network[position]
    drawn = likeliest(network, over_time, int(answers.truth[position]))
    for number, label in reversed(list(enumerate(drawn))):
        style: dict[str, Any] = {"color": SAFE[number], "marker": MARKERS[number], "markersize": 3.5}
        axes.axhline(float(network[label]), linestyle=(0, (4, 3)), linewidth=0.8, color=SAFE[number])
        axes.plot(steps, over_time[:, label], linewidth=1.2, markevery=max(1, len(steps) // 8), **style)
        height = 0.93 - 0.26 * number
        axes.plot(1 + 0.14 * inch, height, transform=axes.transAxes, clip_on=False, **style)
        name = shorten(answers.classes[label], LONGEST)
        axes.text(
            1 + 0.24 * inch,
            height,
            name,
            fontsize=7,
            color=INK,
            va="center",
            parse_math=False,
            transform=axes.transAxes,
        )
    margin = 0.5 if len(steps) == 1 else 0.02 * (steps[-1] - steps[0])
    axes.set(ylim=(-0.05, 1.05), yticks=[0, 0.5, 1], xlim=(steps[0] - margin, steps[-1] + margin))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.tick_params(labelsize=7, colors=QUIET, pad=2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("0.7")
