"""Count which class is taken for which, while samples are scored."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from snnfw.simulate import require_logits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from snnfw import Output, Scorer


class Confusions:
    """Score as ``scorer`` does, and keep every sample's true class and its answer on the way."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.truth: list[int] = []
        self.answers: list[int] = []

    def update(self, output: Output, target: Tensor) -> None:
        """Take one batch."""
        self._scorer.update(output, target)
        self.truth += target.tolist()
        self.answers += require_logits(output).argmax(1).tolist()

    def compute(self) -> Mapping[str, float]:
        """Return what the scorer says."""
        return self._scorer.compute()

    def counts(self) -> Counter[tuple[int, int]]:
        """Return how often each true class got each answer."""
        return Counter(zip(self.truth, self.answers, strict=True))

    def errors(self) -> list[tuple[int, int, int]]:
        """Return true class, wrong answer and how often, the most frequent first."""
        wrong = [(true, said, count) for (true, said), count in self.counts().items() if true != said]
        return sorted(wrong, key=lambda error: (-error[2], error[:2]))
