"""How often categories are right, and how well parts overlap with the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional
from torchmetrics.classification import MulticlassStatScores

from snnfw import SnnfwError
from snnfw.simulate import merge_metric_state, metric_state, require_logits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from snnfw import Output

ACCURACY = "accuracy"
CLASS_ACCURACY = "class_accuracy"
IOU = "IoU"
CLASS_IOU = "class_IoU"


class CategoryScores:
    """Count right categories over batches of logits [N, K] and categories [N]: of all clouds, and per category."""

    def __init__(self, categories: int) -> None:
        self._counts = MulticlassStatScores(num_classes=categories, average="none")

    def update(self, output: Output, target: Tensor) -> None:
        """Take one batch."""
        logits = require_no_nan(require_logits(output).detach().cpu())
        self._counts.update(logits, target.cpu())

    def compute(self) -> dict[str, float]:
        """Return both accuracies over all batches seen; a category without a cloud has no part in the mean."""
        right, *_, support = self._counts.compute().double().unbind(1)
        there = support > 0
        return {
            ACCURACY: float(right.sum() / support.sum()),
            CLASS_ACCURACY: float((right[there] / support[there]).mean()),
        }

    def state(self) -> dict[str, Tensor]:
        """Return the counts of each category."""
        return metric_state(self._counts)

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Add what another one counted."""
        merge_metric_state(self._counts, state)


class PartScores:
    """Average intersection over union (IoU) of parts over clouds, as ShapeNet-Part's authors do.

    A cloud's IoU is the mean over its category's parts; a part that is neither there nor found counts 1. ``IoU`` is the
    mean over clouds, ``class_IoU`` the mean over categories of their clouds' means. A target [N, 1 + P] holds the
    category and then the points' parts; a network chooses among the parts of the category that it was given.
    """

    def __init__(self, categories: Sequence[str], belongs: Sequence[int]) -> None:
        self._categories = tuple(categories)
        self._belongs = torch.tensor(belongs)
        self._seen: list[Tensor] = []
        self._found: list[Tensor] = []

    def update(self, output: Output, target: Tensor) -> None:
        """Take one batch of logits [N, K, P]."""
        target = target.cpu()
        logits = require_no_nan(part_logits(output).detach().cpu())
        self._seen.append(target[:, 0])
        found = likeliest_parts(logits, target[:, 0], self._belongs)
        self._found.append(cloud_iou(found, target[:, 1:], target[:, 0], self._belongs))

    def compute(self) -> dict[str, float]:
        """Return the mean over clouds, the mean over categories, and each category's mean."""
        category, iou = torch.cat(self._seen), torch.cat(self._found)
        means = {
            name: float(iou[category == number].mean())
            for number, name in enumerate(self._categories)
            if (category == number).any()
        }
        parts = {f"{IOU}/{name}": mean for name, mean in means.items()}
        return {IOU: float(iou.mean()), CLASS_IOU: sum(means.values()) / len(means), **parts}

    def state(self) -> dict[str, Tensor]:
        """Return every cloud's category and IoU."""
        none = torch.empty(0)
        return {"category": torch.cat([none.long(), *self._seen]), "iou": torch.cat([none.double(), *self._found])}

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Put another one's clouds behind its own."""
        self._seen.append(state["category"])
        self._found.append(state["iou"])


def cloud_iou(found: Tensor, truth: Tensor, category: Tensor, belongs: Tensor) -> Tensor:
    """Return each cloud's mean IoU over its category's parts, [N], from parts [N, P] found and true."""
    parts = torch.arange(len(belongs))[None, :, None]
    given, wanted = found[:, None] == parts, truth[:, None] == parts
    both, either = (given & wanted).sum(2), (given | wanted).sum(2)
    iou = torch.where(either > 0, both / either.clamp(min=1), 1.0)
    own = belongs[None] == category[:, None]
    return (iou.double() * own).sum(1) / own.sum(1)


def likeliest_parts(logits: Tensor, category: Tensor, belongs: Tensor) -> Tensor:
    """Return the likeliest part of every point among those of its cloud's category, [N, P]."""
    other = belongs.to(logits.device)[None] != category.to(logits.device)[:, None]
    return logits.masked_fill(other[:, :, None], -torch.inf).argmax(1)


def share_correct(output: Output, target: Tensor, belongs: Tensor) -> Tensor:
    """Return which share of each cloud's points is given its part, [N]."""
    logits = part_logits(output)
    target = target.to(logits.device)
    return (likeliest_parts(logits, target[:, 0], belongs) == target[:, 1:]).float().mean(1)


def share_changed(of: Output, to: Output) -> Tensor:
    """Return which share of each cloud's points is given another part, [N]."""
    return (part_logits(of).argmax(1) != part_logits(to).argmax(1)).float().mean(1)


def part_loss(output: Output, target: Tensor, smoothing: float) -> Tensor:
    """Return the mean cross entropy over all points."""
    return functional.cross_entropy(part_logits(output), target[:, 1:], label_smoothing=smoothing)


def part_logits(output: Output) -> Tensor:
    """Return the output if it is what a network for parts returns: one tensor [N, K, P]."""
    if not isinstance(output, torch.Tensor):
        raise SnnfwError(
            f"the network returns a {type(output).__name__}: "
            "a network for parts returns one tensor of logits [N, K, P]."
        )
    if output.ndim != 3:
        raise SnnfwError(
            f"the network returns a tensor of shape {list(output.shape)}: "
            "a network for parts returns one tensor of logits [N, K, P]."
        )
    return output


def require_no_nan(logits: Tensor) -> Tensor:
    """Return the logits; NaN has no order, and is an error rather than a wrong answer."""
    if logits.isnan().any():
        raise SnnfwError("the network's output holds NaN, so nothing can be chosen: check the network's weights.")
    return logits


def format_percent(scores: Mapping[str, float], name: str) -> str:
    """Return a score as it is written over pictures."""
    return f"{scores[name]:.1%}"
