"""What is read from a detector's output beside the score: boxes, class scores, how right and how steady they are.

A box is detected where its score is ``CONFIDENT`` or more, and two boxes are the same object from IoU ``SAME`` on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from snnfw import SnnfwError
from snnfw_tasks.detection.library import require_ultralytics

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw import Output
    from snnfw_tasks.detection.batches import Truth, Truths

CONFIDENT = 0.25
SAME = 0.5
OVERLAP = 0.7
"""Boxes of one class that overlap more are one detection: ultralytics' own threshold."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes [n, 4] of one image (left, top, right, bottom in pixels), their ``scores`` [n] and ``classes`` [n]."""

    corners: Tensor
    scores: Tensor
    classes: Tensor


def require_detections(output: Output) -> Tensor:
    """Return the decoded detections, [N, 4 + K, anchors] or [N, boxes, 6], of what a detector returns."""
    if isinstance(output, (list, tuple)) and output and isinstance(output[0], torch.Tensor):
        output = output[0]
    if not isinstance(output, torch.Tensor) or output.ndim != 3:
        given = f"shape {list(output.shape)}" if isinstance(output, torch.Tensor) else type(output).__name__
        raise SnnfwError(
            f"the network returns {given}: a detector returns boxes and scores [N, 4 + classes, anchors], "
            "or boxes [N, boxes, 6] without need of suppression."
        )
    return output


def detections(output: Output, end2end: bool, confident: float = CONFIDENT) -> list[Boxes]:
    """Return the boxes that ultralytics would show of each sample, the surest first."""
    require_ultralytics()
    import torchvision  # noqa: F401  # ultralytics takes its suppression from there, if somebody imported it
    from ultralytics.utils.nms import non_max_suppression

    found = require_detections(output).detach().cpu()
    kept = []
    for index in range(len(found)):  # one at a time: of several, some are left out when time runs out
        (rows,) = non_max_suppression(found[index : index + 1], confident, OVERLAP, end2end=end2end)
        kept.append(Boxes(rows[:, :4], rows[:, 4], rows[:, 5].long()))
    return kept


def labelled_boxes(truth: Truth) -> Boxes:
    """Return an image's labelled boxes in the pixels that the network sees."""
    middle, size = truth.boxes[:, :2], truth.boxes[:, 2:]
    height, width = truth.side
    corners = torch.cat([middle - size / 2, middle + size / 2], dim=1) * torch.tensor([width, height, width, height])
    return Boxes(corners, torch.ones(len(corners)), truth.classes.long())


def logits(output: Output) -> Tensor:
    """Return the scores of every class at every anchor against none, [N, 2, K · anchors].

    Each is a question of its own, asked by a sigmoid: the softmax over (s, 0) is sigmoid(s).
    """
    scores = class_scores(output).flatten(1)
    return torch.stack([scores, torch.zeros_like(scores)], dim=1)


def class_scores(output: Output) -> Tensor:
    """Return the scores [N, K, anchors] that a detector gives beside its decoded boxes."""
    scores: Tensor = raw_predictions(output)["scores"]
    return scores


def raw_predictions(output: Output) -> dict[str, Any]:
    """Return what a detector predicts before it is decoded: ``boxes``, ``scores``, and ``feats`` of its grids."""
    found = output[1] if isinstance(output, (list, tuple)) and len(output) == 2 else output
    if isinstance(found, dict) and "one2one" in found:
        found = found["one2one"]
    if not isinstance(found, dict) or not isinstance(found.get("scores"), torch.Tensor):
        raise SnnfwError(
            "the network returns no class scores beside its boxes: a detector of ultralytics' in eval mode does, "
            "as (boxes, {'scores': [N, classes, anchors], ...})."
        )
    return found


def share_correct(output: Output, target: Truths, end2end: bool) -> Tensor:
    """Return for each sample the objects found, as a share of those there are and those found wrongly, [N].

    It is 1 where nothing is there and nothing is found.
    """
    shares = []
    for found, truth in zip(detections(output, end2end), target, strict=True):
        labels = labelled_boxes(truth)
        matched = len(match_boxes(found, labels)[0])
        total = len(labels.classes) + len(found.classes) - matched
        shares.append(matched / total if total else 1.0)
    return torch.tensor(shares)


def detection_distance(of: Output, to: Output, end2end: bool) -> Tensor:
    """Return for each sample how far its detections are from those of another output, from 0 to 1, [N].

    It is one minus the mean overlap (IoU) of the boxes of both, of which a box without a partner of its class has
    none: 0 where both detect the same.
    """
    far = []
    for ours, theirs in zip(detections(of, end2end), detections(to, end2end), strict=True):
        overlaps = match_boxes(ours, theirs)[1]
        total = len(ours.classes) + len(theirs.classes) - len(overlaps)
        far.append(1 - float(overlaps.sum()) / total if total else 0.0)
    return torch.tensor(far)


def match_boxes(of: Boxes, to: Boxes) -> tuple[list[tuple[int, int]], Tensor]:
    """Return the pairs of boxes of one class from an IoU of ``SAME`` on, best first, each box once; and their IoUs."""
    from torchvision.ops import box_iou

    overlap = box_iou(of.corners, to.corners) * (of.classes[:, None] == to.classes[None])
    pairs: list[tuple[int, int]] = []
    found: list[float] = []
    while overlap.numel() and (best := float(overlap.max())) >= SAME:
        row, column = divmod(int(overlap.argmax()), overlap.shape[1])
        pairs.append((row, column))
        found.append(best)
        overlap[row], overlap[:, column] = 0, 0
    return pairs, torch.tensor(found)
