"""How well pixels are classified: the mean intersection over union of the classes, and the share of right pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch.nn import functional
from torchmetrics.classification import MulticlassJaccardIndex

from snnfw import SnnfwError
from snnfw.simulate import merge_metric_state, metric_state
from snnfw_tasks.samples.palette import VOID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from snnfw import Output

HEADLINE = "mIoU"
PIXELS = "pixel accuracy"


class PixelScores:
    """Score logits [N, K, H, W] against labels [N, H, W], pixels with the label ``VOID`` left out.

    ``mIoU`` is the mean over the classes that occur in a label or an answer, ``mIoU/CLASS`` each of them.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = tuple(classes)
        # Labels were checked where they were read; torchmetrics would sort all pixels to check them again.
        self._union = MulticlassJaccardIndex(len(classes), average="none", ignore_index=VOID, validate_args=False)

    def update(self, output: Output, target: Tensor) -> None:
        """Take one batch; an output without an order (NaN) is an error, not a wrong answer."""
        logits = pixel_logits(output).detach()
        if logits.isnan().any():
            raise SnnfwError("the network's output holds NaN, so no class can be chosen: check the network's weights.")
        answers = likeliest_class(resize_logits(logits, target)).cpu()
        self._union.update(answers, target.cpu())

    def compute(self) -> dict[str, float]:
        """Return the scores over all batches seen, as fractions from 0 to 1."""
        counts = self._union.confmat  # pixels by label and answer
        seen = (counts.sum(0) + counts.sum(1) > 0).tolist()
        parts = dict(zip(self._classes, self._union.compute().tolist(), strict=True))
        there = {name: value for (name, value), known in zip(parts.items(), seen, strict=True) if known}
        right = float(counts.diagonal().sum() / counts.sum().clamp(min=1))
        mean = sum(there.values()) / max(1, len(there))
        return {HEADLINE: mean, PIXELS: right} | {f"{HEADLINE}/{name}": value for name, value in there.items()}

    def state(self) -> dict[str, Tensor]:
        """Return how many pixels of each label got each answer."""
        return metric_state(self._union)

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Add the pixels that another one counted."""
        merge_metric_state(self._union, state)


def pixel_logits(output: Output) -> Tensor:
    """Return the logits [N, K, H, W] of what a network for segmentation returns: a tensor, or a dict with ``out``."""
    logits = output
    if isinstance(output, Mapping):
        if "out" not in output:
            raise SnnfwError(
                f"the network returns a dict with the keys {sorted(map(str, output))}: "
                "a network for segmentation returns logits [N, K, H, W], or a dict that holds them as 'out'."
            )
        logits = output["out"]
    if not isinstance(logits, torch.Tensor) or logits.ndim != 4:
        given = f"tensor of shape {list(logits.shape)}" if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise SnnfwError(
            f"the network returns a {given}: "
            "a network for segmentation returns logits [N, K, H, W], or a dict that holds them as 'out'."
        )
    return logits


def resize_logits(logits: Tensor, target: Tensor) -> Tensor:
    """Return logits of the labels' height and width: coarser ones are interpolated bilinearly."""
    if logits.shape[-2:] == target.shape[-2:]:
        return logits
    return functional.interpolate(logits, size=target.shape[-2:], mode="bilinear", align_corners=False)


def likeliest_class(logits: Tensor) -> Tensor:
    """Return the class with the largest logit, [N, H, W]; the first of equals."""
    return logits.max(1).indices  # argmax takes four times as long on a CPU


def share_correct(output: Output, target: Tensor) -> Tensor:
    """Return the share of each image's labelled pixels that have the largest logit at their label, [N]."""
    target = target.to(pixel_logits(output).device)
    labelled = target != VOID
    right = (likeliest_class(resize_logits(pixel_logits(output), target)) == target) & labelled
    return right.flatten(1).sum(1) / labelled.flatten(1).sum(1).clamp(min=1)


def share_changed(of: Output, to: Output) -> Tensor:
    """Return the share of each image's pixels whose class is another one in both outputs, [N]."""
    return (likeliest_class(pixel_logits(of)) != likeliest_class(pixel_logits(to))).flatten(1).float().mean(1)


def cross_entropy(output: Output, target: Tensor, smoothing: float) -> Tensor:
    """Return the mean cross entropy over the labelled pixels, of which there has to be one."""
    if bool((target == VOID).all()):
        raise SnnfwError(
            f"no pixel of a batch of {len(target)} training images is labelled, so nothing can be learnt of it: check "
            "the masks, or raise trainer.batch where few are labelled."
        )
    logits = resize_logits(pixel_logits(output), target)
    return functional.cross_entropy(logits, target, ignore_index=VOID, label_smoothing=smoothing)
