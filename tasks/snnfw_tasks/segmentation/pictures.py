"""Draw what classes pixels are given: image, truth, network and spiking network side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snnfw import Drawing
from snnfw_tasks.samples.drawing import MOST_NAMED, as_png, count_of, panel_page, panel_width
from snnfw_tasks.samples.palette import VOID, class_colour
from snnfw_tasks.segmentation.scores import HEADLINE, likeliest_class, pixel_logits, resize_logits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from snnfw import Output, View
    from snnfw_tasks.samples.labelled import Preprocess

SAMPLES = 5
"""So many images are drawn."""
BACKGROUND, VOID_COLOUR = (0.88, 0.88, 0.88), (1.0, 1.0, 1.0)


def draw(view: View, classes: Sequence[str], prepare: Preprocess) -> Sequence[Drawing]:
    """Return one picture: a row per image, columns for it, the truth, both networks and where these differ."""
    truth, last = view.batch.target.cpu(), max(view.spiking)
    network, spiking = predict_labels(view.network, truth), predict_labels(view.spiking[last], truth)
    columns = [
        ("ground truth", truth),
        (f"network\n{HEADLINE} {_percent(view.network_scores)}", network),
        (f"spiking, T = {last}\n{HEADLINE} {_percent(view.scores[last])}", spiking),
    ]
    differs = network != spiking
    share = int(differs.sum()) / max(1, int((truth != VOID).sum()))
    caption = (
        f"{count_of(len(truth), 'images')} and the class of every pixel: the true one, and what both networks say. "
        f"The last column is black where they say different things, {share:.1%} of these pixels. "
        f"Over all evaluation images, {HEADLINE}: network {_percent(view.network_scores)}, spiking network "
        f"{_percent(view.scores[last])} at T = {last}."
    )
    images = undo_normalisation(view.batch.inputs[0].cpu(), prepare)
    return [Drawing("segments", caption, _page(images, columns, differs, classes))]


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


def label_colour(label: int) -> tuple[float, float, float]:
    """Return a label's colour: pale grey for the first, the background, white for void."""
    if label == VOID:
        return VOID_COLOUR
    return class_colour(label - 1) if label else BACKGROUND


def _percent(scores: Mapping[str, float]) -> str:
    return f"{scores[HEADLINE]:.1%}"


def _page(images: Tensor, columns: Sequence[tuple[str, Tensor]], differs: Tensor, classes: Sequence[str]) -> bytes:
    """Return a PNG with a row per image and a column per title and labels [N, H, W], and the classes' colours."""
    labelled = [(title, [_colour_labels(each) for each in labels]) for title, labels in columns]
    panels = [
        ("image", [image.permute(1, 2, 0) for image in images]),
        *labelled,
        ("networks differ", [1 - each[:, :, None].float().expand(-1, -1, 3) for each in differs]),
    ]
    named = _legend_labels([labels for _, labels in columns], len(classes))
    key = [(label_colour(label), classes[label]) for label in named]
    figure, places = panel_page([title for title, _ in panels], len(images), panel_width(len(panels)), key)
    for (_, drawn), column in zip(panels, places, strict=True):
        for image, axes in zip(drawn, column, strict=True):
            axes.imshow(image.numpy(), interpolation="nearest")
    return as_png(figure)


def _colour_labels(labels: Tensor) -> Tensor:
    """Return labels [H, W] as colours [H, W, 3]."""
    colours = torch.zeros(256, 3)
    for label in labels.unique().tolist():
        colours[label] = torch.tensor(label_colour(label))
    return colours[labels]


def _legend_labels(drawn: Sequence[Tensor], classes: int) -> Sequence[int]:
    """Return the labels that were drawn, in order, as many as the legend has room for."""
    counts = torch.bincount(torch.cat([labels.flatten() for labels in drawn]), minlength=256)[:classes]
    often = counts.argsort(descending=True, stable=True)[:MOST_NAMED]
    return sorted(label for label in often.tolist() if counts[label])
