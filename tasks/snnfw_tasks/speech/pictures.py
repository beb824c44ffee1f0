"""Draw waveforms beside what the network and the spiking network say of them, timestep by timestep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snnfw import Drawing
from snnfw.simulate import Accuracy, require_logits
from snnfw_tasks.samples.drawing import as_png

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from torch import Tensor

    from snnfw import Output, View

SAMPLES = 6
"""So many clips are drawn."""
MOST_CLASSES = 4
"""Most classes of a clip that are drawn: the truth, what both networks say, and the likeliest at some time."""
ACCURACY = Accuracy.headline
WRONG = "tab:red"


def draw(view: View, classes: Sequence[str]) -> Sequence[Drawing]:
    """Return one picture: a row per clip, its waveform and the classes' probabilities over time."""
    waves, truth = view.batch.inputs[0].cpu(), view.batch.target.cpu()
    network, over_time = probabilities(view.network), torch.stack([probabilities(o) for o in view.spiking.values()])
    last = max(view.scores)
    caption = (
        "A clip, and how likely each class is after so many timesteps: lines are the spiking network's, dashes the "
        f"network's own. {ACCURACY} over all evaluation clips: network {_percent(view.network_scores[ACCURACY])}, "
        f"spiking network {_percent(view.scores[last][ACCURACY])} at T = {last}."
    )
    image = _page(waves, truth, network, over_time, list(view.spiking), classes)
    return [Drawing("words", caption, image)]


def probabilities(output: Output) -> Tensor:
    """Return the classes' probabilities [N, K]."""
    return require_logits(output).cpu().float().softmax(1)


def likeliest(network: Tensor, over_time: Tensor, truth: int) -> list[int]:
    """Return the classes of a clip to draw, by probabilities [K] and [T, K]: the truth first, each once."""
    said = [int(network.argmax()), int(over_time[-1].argmax())]
    others = torch.maximum(network, over_time.amax(0)).argsort(descending=True, stable=True).tolist()
    return list(dict.fromkeys([truth, *said, *others]))[:MOST_CLASSES]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _page(
    waves: Tensor, truth: Tensor, network: Tensor, over_time: Tensor, timesteps: list[int], classes: Sequence[str]
) -> bytes:
    """Return a PNG with a row per clip [N, C, L]; probabilities are [N, K] and [T, N, K]."""
    from matplotlib.figure import Figure

    rows = len(waves)
    figure = Figure((9.5, 1.35 * rows + 0.5), layout="constrained", dpi=110)
    grid = figure.subplots(rows, 2, squeeze=False, width_ratios=(1, 1.6))
    for row, (left, right) in enumerate(grid):
        label = int(truth[row])
        left.plot(waves[row].mean(0), linewidth=0.4, color="0.35")
        left.set(yticks=[], xlim=(0, waves.shape[2] - 1))
        left.set_title(classes[label], fontsize=9, loc="left", pad=2, parse_math=False)
        _draw_probabilities(right, network[row], over_time[:, row], timesteps, label, classes)
        for axes in (left, right):
            axes.tick_params(labelsize=7, labelbottom=row == rows - 1)
            axes.spines[["top", "right"]].set_visible(False)
    grid[-1][0].set_xlabel("sample", fontsize=8)
    grid[-1][1].set_xlabel("timestep", fontsize=8)
    return as_png(figure)


def _draw_probabilities(
    axes: Axes, network: Tensor, over_time: Tensor, timesteps: list[int], truth: int, classes: Sequence[str]
) -> None:
    """Draw a clip's likeliest classes, the truth in the first colour, and what both networks take it for."""
    from matplotlib.ticker import MaxNLocator

    drawn = likeliest(network, over_time, truth)
    lines = []
    for number, label in enumerate(drawn):
        colour = f"C{number}"
        axes.axhline(float(network[label]), linestyle="--", linewidth=0.8, color=colour)
        size = 8 if len(timesteps) == 1 else 4
        lines += axes.plot(timesteps, over_time[:, label], marker=".", markersize=size, color=colour)
    said = {"network": int(network.argmax()), "spiking": int(over_time[-1].argmax())}
    words = ", ".join(f"{name}: {classes[label]}" for name, label in said.items())
    right = all(label == truth for label in said.values())
    axes.set_title(words, fontsize=8, loc="left", pad=2, color="0.25" if right else WRONG, parse_math=False)
    margin = 0.5 if len(timesteps) == 1 else 0.02 * (timesteps[-1] - timesteps[0])
    axes.set(ylim=(-0.03, 1.05), yticks=[0, 0.5, 1], xlim=(timesteps[0] - margin, timesteps[-1] + margin))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    # Names are shown as they are: no formulas between dollars, and none left out for beginning with an underscore.
    names = [f" {classes[label]}" for label in drawn]
    box = axes.legend(lines, names, fontsize=6.5, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    for text in box.get_texts():
        text.set_parse_math(False)
