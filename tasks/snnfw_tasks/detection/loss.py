"""Ultralytics' own loss of a detector: task-aligned targets, CIoU, cross entropy and distribution focal loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from snnfw import SnnfwError
from snnfw_tasks.detection.boxes import raw_predictions

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw import Output
    from snnfw_tasks.detection.batches import Truths
    from snnfw_tasks.detection.sources import Gains

USUAL = {"box": 7.5, "cls": 0.5, "dfl": 1.5}
"""Ultralytics' own gains."""


@dataclass(frozen=True, slots=True)
class Grids:
    """What ultralytics' loss asks of a head: its number of classes, the bins of a distance, and its grids' strides."""

    classes: int
    bins: int
    strides: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DetectionLoss:
    """Ultralytics' ``v8DetectionLoss`` of what a head of these ``grids`` predicts, divided by the number of images.

    It is one of the whole batch, over the sum of its targets' scores: no mean of the images' own losses.
    """

    grids: Grids
    gains: Gains
    _made: dict[torch.device, Any] = field(default_factory=dict)

    def __call__(self, output: Output, target: Truths, smoothing: float) -> Tensor:
        """Return the loss of a batch."""
        if smoothing:
            raise SnnfwError(
                f"trainer.smoothing={smoothing:g}: ultralytics' loss of a detector smooths no labels, so leave it out."
            )
        found = raw_predictions(output)
        parts, _ = self._on(found["scores"].device).loss(found, as_batch(target))
        total: Tensor = parts.sum()
        return total / len(target)

    def _on(self, device: torch.device) -> Any:
        """Return ultralytics' loss on a device; all it asks of a network is what is said here."""
        if device not in self._made:
            from ultralytics.utils.loss import v8DetectionLoss

            grids = self.grids
            head = SimpleNamespace(
                nc=grids.classes, reg_max=grids.bins, stride=torch.tensor(grids.strides, dtype=torch.float32).to(device)
            )
            given = {name: getattr(self.gains, name) for name in USUAL}
            gains = SimpleNamespace(**{name: USUAL[name] if gain is None else gain for name, gain in given.items()})
            stand_in = SimpleNamespace(
                args=gains, model=[head], parameters=lambda: iter([torch.empty(0, device=device)]), class_weights=None
            )
            self._made[device] = v8DetectionLoss(stand_in)
        return self._made[device]


def as_batch(truths: Truths) -> dict[str, Tensor]:
    """Return what is in the images as ultralytics' loss takes it, in the precision in which it makes tensors."""
    counts = torch.tensor([len(truth.classes) for truth in truths])
    found = {
        "batch_idx": torch.arange(len(truths)).repeat_interleave(counts),
        "cls": torch.cat([truth.classes for truth in truths]),
        "bboxes": torch.cat([truth.boxes for truth in truths]),
    }
    return {name: tensor.to(torch.get_default_dtype()) for name, tensor in found.items()}
