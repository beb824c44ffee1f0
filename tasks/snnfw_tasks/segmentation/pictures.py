"""Draw what classes pixels are given: image, truth, network and spiking network side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snnfw import Drawing
from snnfw_tasks.samples.drawing import as_png
from snnfw_tasks.samples.palette import VOID
from snnfw_tasks.segmentation.scores import HEADLINE, likeliest_class, pixel_logits, resize_logits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from snnfw import Output, View
    from snnfw_tasks.samples.labelled import Preprocess

SAMPLES = 5
"""So many images are drawn."""
SIZE = 1.7
"""An image's side in inches."""
MARGIN = 0.8
"""Height in inches of the lines over the columns and of the legend."""
MOST_NAMED = 24
"""So many classes fit into the legend: those that cover most."""
BACKGROUND = (0.13, 0.13, 0.15)
VOID_COLOUR = (0.95, 0.95, 0.95)


def draw(view: View, classes: Sequence[str], prepare: Preprocess) -> Sequence[Drawing]:
    """Return one picture: a row per image, columns for it, the truth, the network and some timesteps."""
    truth = view.batch.target.cpu()
    columns = [
        ("ground truth", truth),
        (f"network, {_percent(view.network_scores)}", predict_labels(view.network, truth)),
    ]
    for timestep, output in view.spiking.items():
        columns.append((f"T = {timestep}, {_percent(view.scores[timestep])}", predict_labels(output, truth)))
    last = max(view.spiking)
    caption = (
        f"The class of every pixel. {HEADLINE} over all evaluation images: network {_percent(view.network_scores)}, "
        f"spiking network {_percent(view.scores[last])} at T = {last}."
    )
    return [
        Drawing("segments", caption, _page(undo_normalisation(view.batch.inputs[0].cpu(), prepare), columns, classes))
    ]


def predict_labels(output: Output, truth: Tensor) -> Tensor:
    """Return the likeliest class of every pixel, [N, H, W], and ``VOID`` outside an image that is not square."""
    found = likeliest_class(resize_logits(pixel_logits(output).cpu(), truth))
    return torch.where(find_padding(truth), VOID, found)


def find_padding(truth: Tensor) -> Tensor:
    """Return which rows and columns at the lower and right edges hold nothing but ``VOID``, [N, H, W]."""
    labelled = truth != VOID
    below = labelled.any(2).flip(1).cumsum(1).flip(1) == 0
    right = labelled.any(1).flip(1).cumsum(1).flip(1) == 0
    return below[:, :, None] | right[:, None, :]


def undo_normalisation(images: Tensor, prepare: Preprocess) -> Tensor:
    """Return images [N, 3, H, W] with colours from 0 to 1, as they were before normalisation."""
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (prepare.mean, prepare.std))
    return (images * deviation + mean).clamp(0, 1)


def class_colour(label: int, classes: int) -> tuple[float, float, float]:
    """Return a class's colour: nearly black for the first, then ones that are told apart; void is nearly white."""
    from matplotlib import colormaps

    if label == VOID:
        return VOID_COLOUR
    if label == 0:
        return BACKGROUND
    if classes <= 11:
        red, green, blue, _ = colormaps["tab10"](label - 1)
    elif classes <= 21:
        red, green, blue, _ = colormaps["tab20"](label - 1)
    else:
        red, green, blue, _ = colormaps["hsv"]((label * 0.618034) % 1.0)
    return red, green, blue


def _percent(scores: Mapping[str, float]) -> str:
    return f"{100 * scores[HEADLINE]:.1f} %"


def _page(images: Tensor, columns: Sequence[tuple[str, Tensor]], classes: Sequence[str]) -> bytes:
    """Return a PNG with a row per image and a column per title and labels [N, H, W], and the classes' colours."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.patches import Patch

    rows, across = len(images), 1 + len(columns)
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    figure = Figure((SIZE * across, SIZE * rows + MARGIN), layout=layout, dpi=110)
    grid = figure.subplots(rows, across, squeeze=False)
    for column, title in enumerate(["image", *(title for title, _ in columns)]):
        grid[0][column].set_title(title, fontsize=9)
        for row in range(rows):
            drawn = (
                images[row].permute(1, 2, 0).numpy()
                if column == 0
                else _colour_labels(columns[column - 1][1][row], classes)
            )
            grid[row][column].imshow(drawn, interpolation="nearest")
            grid[row][column].set(xticks=[], yticks=[])
    named = _legend_labels([labels for _, labels in columns], len(classes))
    patches = [Patch(color=class_colour(label, len(classes)), label=classes[label]) for label in named]
    figure.legend(handles=patches, loc="outside lower center", ncols=min(12, len(patches)), fontsize=8, frameon=False)
    return as_png(figure)


def _colour_labels(labels: Tensor, classes: Sequence[str]) -> NDArray[np.float32]:
    """Return labels [H, W] as colours [H, W, 3]."""
    colours = torch.zeros(256, 3)
    for label in labels.unique().tolist():
        colours[label] = torch.tensor(class_colour(label, len(classes)))
    coloured: NDArray[np.float32] = colours[labels].numpy()
    return coloured


def _legend_labels(drawn: Sequence[Tensor], classes: int) -> Sequence[int]:
    """Return the labels that were drawn, in order, as many as the legend has room for."""
    counts = torch.bincount(torch.cat([labels.flatten() for labels in drawn]), minlength=256)[:classes]
    often = counts.argsort(descending=True, stable=True)[:MOST_NAMED]
    return sorted(label for label in often.tolist() if counts[label])
