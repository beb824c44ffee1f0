"""Draw what texts are told to be: each with the probability that both networks give its class, over time."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from snnfw import Drawing
from snnfw.simulate import is_correct, require_logits
from snnfw_tasks.samples.drawing import as_png
from snnfw_tasks.text.scores import ACCURACY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from torch import Tensor

    from snnfw import Output, View

SAMPLES = 6
"""So many texts are drawn."""
WIDTH, LINES = 58, 3
"""Letters in a line beside the curves, and lines, of a text."""
ROW = 0.95
"""Height of a text in inches."""
RIGHT, WRONG, GREY = "#2973b8", "#d62728", "0.45"


def draw_texts(view: View, classes: Sequence[str], texts: Sequence[str]) -> Sequence[Drawing]:
    """Return one picture: a row per text, the text at the left and what is said of it at the right."""
    truth = view.batch.target.cpu()
    network = _probability(view.network, truth)
    spiking = {timestep: _probability(output, truth) for timestep, output in view.spiking.items()}
    last = max(spiking)
    caption = (
        "The probability of each text's true class: the network's, and the spiking network's over the timesteps. The "
        f"thin line is chance, and a red point is wrong. {ACCURACY} over all evaluation texts: network "
        f"{view.network_scores[ACCURACY]:.1%}, spiking network {view.scores[last][ACCURACY]:.1%} at T = {last}."
    )
    right = {timestep: is_correct(output, truth) for timestep, output in view.spiking.items()}
    names = [classes[int(label)] for label in truth]
    return [Drawing("texts", caption, draw_page(texts[: len(truth)], names, network, spiking, right, 1 / len(classes)))]


def draw_page(
    texts: Sequence[str],
    names: Sequence[str],
    network: Tensor,
    spiking: dict[int, Tensor],
    right: dict[int, Tensor],
    chance: float,
) -> bytes:
    """Return a PNG with a row for each text; probabilities and what is right are [N], by timestep."""
    from matplotlib.figure import Figure

    figure = Figure((9.0, ROW * len(texts) + 0.6), layout="constrained", dpi=110)
    grid = figure.subplots(len(texts), 2, squeeze=False, width_ratios=(1.35, 1))
    for row, (text, name) in enumerate(zip(texts, names, strict=True)):
        words, curve = grid[row]
        words.axis("off")
        # Dollars of a text and of a class's name begin no formula.
        words.text(0, 0.98, name, fontsize=9, va="top", weight="bold", parse_math=False)
        words.text(0, 0.72, _wrap(text), fontsize=8.5, va="top", linespacing=1.25, parse_math=False)
        _draw_curve(curve, float(network[row]), spiking, right, row, chance)
        curve.tick_params(labelbottom=row == len(texts) - 1)
    grid[0][1].set_title("probability of the true class", fontsize=9)
    grid[0][1].legend(fontsize=7.5, loc="lower right", framealpha=0.9)
    grid[-1][1].set_xlabel("timestep", fontsize=8.5)
    return as_png(figure)


def _draw_curve(
    axes: Axes, network: float, spiking: dict[int, Tensor], right: dict[int, Tensor], row: int, chance: float
) -> None:
    from matplotlib.ticker import MaxNLocator

    steps = sorted(spiking)
    values = [float(spiking[step][row]) for step in steps]
    axes.axhline(chance, color="0.85", lw=0.8)
    axes.axhline(network, color=GREY, lw=1.4, ls="--", label="network")
    axes.plot(steps, values, color=RIGHT, lw=1.2, label="spiking")
    colours = [RIGHT if bool(right[step][row]) else WRONG for step in steps]
    axes.scatter(steps, values, c=colours, s=12, zorder=3)
    axes.set(ylim=(-0.05, 1.05), yticks=(0, 0.5, 1), xlim=(steps[0] - 0.5, steps[-1] + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
    axes.tick_params(labelsize=7.5)
    axes.spines[["top", "right"]].set_visible(False)


def _wrap(text: str) -> str:
    """Return a text's first lines."""
    return "\n".join(textwrap.wrap(" ".join(text.split()), WIDTH, max_lines=LINES, placeholder=" ..."))


def _probability(output: Output, truth: Tensor) -> Tensor:
    """Return the probability [N] of each text's true class."""
    return require_logits(output).detach().cpu().float().softmax(1).gather(1, truth[:, None]).squeeze(1)
