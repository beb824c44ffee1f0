"""The loss of YOLOv2 as the published networks were trained: anchors that boxes are assigned to by their shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from snnfw import SnnfwError
from snnfw_tasks.detection.models.yolov2 import split_cells

if TYPE_CHECKING:
    from snnfw import Output
    from snnfw_tasks.detection.batches import Truths
    from snnfw_tasks.detection.sources import Gains

SIMILAR = 0.5
"""An anchor that overlaps more with a box, and is not the best, learns neither that there is an object nor none."""
FOUND = 5.0
"""How much more the objectness of a box counts than that of nothing."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """The boxes of a batch at their places (image, anchor, row, column), each [n], in cells [n, 4], and what to ignore.

    ``ignored`` is [N, A, H, W].
    """

    places: tuple[Tensor, Tensor, Tensor, Tensor]
    classes: Tensor
    boxes: Tensor
    ignored: Tensor


@dataclass(frozen=True, slots=True)
class AnchoredLoss:
    """The sum over an image's cells, as a mean over the images.

    At the best anchor of each box: 5 times the squared distance of the objectness to the overlap (IoU) of box and
    prediction, the cross entropy of the classes, and, of where the box is, the binary cross entropy of the middle and
    the squared distance of log sides, both times 2 - its share of the image, and the smooth L1 distance of the overlap
    to 1. At all others the square of the objectness, but where an anchor's shape overlaps with a box there by more than
    0.5.
    ``gains`` are factors of classes and boxes.
    """

    anchors: tuple[tuple[float, float], ...]
    classes: int
    gains: Gains

    def __post_init__(self) -> None:
        """Refuse a gain of what this loss does not have."""
        if self.gains.dfl is not None:
            raise SnnfwError(
                f"task.dfl={self.gains.dfl:g}: a detector with anchors predicts no distribution of distances, so leave "
                "it out."
            )

    def __call__(self, output: Output, target: Truths, smoothing: float) -> Tensor:
        """Return the loss of a batch."""
        objects, rated, predicted = split_cells(output[1]["cells"], len(self.anchors), self.classes)
        sizes = torch.tensor(self.anchors).to(predicted)
        found = assign(target, sizes, objects)
        image, anchor, row, column = found.places
        own, wanted = predicted[image, anchor, :, row, column], found.boxes
        corner = torch.stack([column, row], 1).to(own)
        shapes = sizes[anchor]
        middle, side = own[:, :2].sigmoid() + corner, own[:, 2:].exp() * shapes
        overlap = overlaps(torch.cat([middle, side], 1), wanted)
        share = wanted[:, 2:].prod(1) / (objects.shape[2] * objects.shape[3])
        middles = F.binary_cross_entropy_with_logits(own[:, :2], wanted[:, :2] - corner, reduction="none").sum(1)
        sides = (own[:, 2:] - (wanted[:, 2:] / shapes).log()).square().sum(1)
        near = F.smooth_l1_loss(overlap, torch.ones_like(overlap), reduction="sum")
        placed = ((2 - share) * (middles + sides)).sum() + near
        named = F.cross_entropy(
            rated[image, anchor, :, row, column], found.classes, reduction="sum", label_smoothing=smoothing
        )
        box, cls = (1.0 if gain is None else gain for gain in (self.gains.box, self.gains.cls))
        return (_objectness(objects, found, overlap.detach()) + cls * named + box * placed) / len(target)


def _objectness(objects: Tensor, found: Assigned, overlap: Tensor) -> Tensor:
    """Return the weighted squared distance of every cell's objectness to what it should be."""
    wanted, weight = torch.zeros_like(objects), (~found.ignored).to(objects)
    wanted[found.places], weight[found.places] = overlap, FOUND
    return (weight * (objects.sigmoid() - wanted).square()).sum()


def assign(truths: Truths, anchors: Tensor, like: Tensor) -> Assigned:
    """Return every box at the cell of its middle and the anchor of the nearest shape; of two at one place the last."""
    count, (height, width) = len(anchors), like.shape[2:]
    ignored = torch.zeros(like.shape, dtype=torch.bool, device=like.device)
    grid = torch.tensor([width, height, width, height]).to(like)
    taken: dict[tuple[int, int, int, int], tuple[int, Tensor]] = {}
    for image, truth in enumerate(truths):
        boxes = truth.boxes.to(like) * grid
        centred = torch.zeros(count, 4).to(like)
        centred[:, 2:] = anchors
        for label, box in zip(truth.classes.tolist(), boxes, strict=True):
            column, row = min(int(box[0]), width - 1), min(int(box[1]), height - 1)
            shape = torch.cat([torch.zeros(2).to(like), box[2:]]).expand(count, 4)
            similar = overlaps(centred, shape)
            ignored[image, :, row, column] |= similar > SIMILAR
            taken[image, int(similar.argmax()), row, column] = (int(label), box)
    places = torch.tensor(list(taken), dtype=torch.long, device=like.device).view(-1, 4)
    classes = torch.tensor([label for label, _ in taken.values()], dtype=torch.long, device=like.device)
    boxes = torch.stack([box for _, box in taken.values()]) if taken else like.new_zeros(0, 4)
    return Assigned((places[:, 0], places[:, 1], places[:, 2], places[:, 3]), classes, boxes, ignored)


def overlaps(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return the intersection over union of boxes [n, 4] (middle, width, height), pair by pair."""
    low = torch.maximum(ours[:, :2] - ours[:, 2:] / 2, theirs[:, :2] - theirs[:, 2:] / 2)
    high = torch.minimum(ours[:, :2] + ours[:, 2:] / 2, theirs[:, :2] + theirs[:, 2:] / 2)
    both = (high - low).clamp(min=0).prod(1)
    return both / (ours[:, 2:].prod(1) + theirs[:, 2:].prod(1) - both)
