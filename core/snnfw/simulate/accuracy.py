"""How often a classifier is right: top-1 accuracy, and top-5 where there are more than five classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional

from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snnfw.values import Output


class Accuracy:
    """Count right answers over batches of logits [N, K] and labels [N], as fractions from 0 to 1."""

    headline: ClassVar[str] = "accuracy"

    def __init__(self, classes: int) -> None:
        self._ranks = {self.headline: 1} | ({"accuracy_top5": 5} if classes > 5 else {})
        self._right = dict.fromkeys(self._ranks, 0)
        self._samples = 0

    def update(self, output: Output, target: torch.Tensor) -> None:
        """Take one batch; an output without an order (NaN) is an error, not a wrong answer."""
        logits = require_logits(output).detach()
        if logits.isnan().any():
            raise SnnfwError(
                "the classifier's output holds NaN, so no class can be chosen: check the network's weights."
            )
        labels = target.to(logits.device)
        self._samples += len(labels)
        for name, rank in self._ranks.items():
            chosen = logits.argmax(1, keepdim=True) if rank == 1 else logits.topk(rank).indices
            self._right[name] += int((chosen == labels[:, None]).sum())

    def compute(self) -> dict[str, float]:
        """Return the accuracies over all batches seen, NaN where there was none."""
        # In single precision, as shares always were: what was published or kept is met to the last digit.
        shares = {name: torch.tensor(right, dtype=torch.float32) for name, right in self._right.items()}
        return {name: float(right / self._samples) if self._samples else math.nan for name, right in shares.items()}

    def state(self) -> dict[str, torch.Tensor]:
        """Return how many samples were seen, and how many were right."""
        counts = {"samples": self._samples, **self._right}
        return {name: torch.tensor(count) for name, count in counts.items()}

    def merge(self, state: Mapping[str, torch.Tensor]) -> None:
        """Add what another one counted."""
        self._samples += int(state["samples"])
        self._right = {name: right + int(state[name]) for name, right in self._right.items()}


def is_correct(output: Output, target: torch.Tensor) -> torch.Tensor:
    """Return whether each sample's largest logit is its label's, [N]."""
    logits = require_logits(output)
    return logits.argmax(1) == target.to(logits.device)


def cross_entropy(output: Output, target: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Return the mean cross entropy of logits [N, K] and labels [N]."""
    return functional.cross_entropy(require_logits(output), target, label_smoothing=smoothing)


def require_logits(output: Output) -> torch.Tensor:
    """Return the output if it is what a classifier returns: one tensor [N, K]."""
    if not isinstance(output, torch.Tensor):
        raise SnnfwError(
            f"the network returns a {type(output).__name__}: a classifier returns one tensor of logits [N, K]."
        )
    if output.ndim != 2:
        raise SnnfwError(
            f"the network returns a tensor of shape {list(output.shape)}: "
            "a classifier returns one tensor of logits [N, K]."
        )
    return output
