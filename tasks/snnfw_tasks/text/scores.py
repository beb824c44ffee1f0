"""How often classes are right, and the mean of their F1 scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchmetrics.classification import MulticlassF1Score

from snnfw.simulate import Accuracy, join_states, merge_metric_state, metric_state, part_of_state, require_logits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from snnfw import Output

ACCURACY = Accuracy.headline
F1 = "macro_f1"


class TextScores:
    """Count over batches of logits [N, K] and classes [N]."""

    def __init__(self, classes: int) -> None:
        self._accuracy = Accuracy(classes)
        self._f1 = MulticlassF1Score(classes, average="macro")

    def update(self, output: Output, target: Tensor) -> None:
        """Take one batch."""
        self._accuracy.update(output, target)
        self._f1.update(require_logits(output).detach().cpu(), target.cpu())

    def compute(self) -> dict[str, float]:
        """Return the accuracy, and the mean over classes of F1, over all batches seen."""
        return {**self._accuracy.compute(), F1: float(self._f1.compute())}

    def state(self) -> dict[str, Tensor]:
        """Return the counts of both."""
        return join_states(accuracy=self._accuracy.state(), f1=metric_state(self._f1))

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Add what another one counted."""
        self._accuracy.merge(part_of_state(state, "accuracy"))
        merge_metric_state(self._f1, part_of_state(state, "f1"))
