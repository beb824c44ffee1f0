"""Count which class is taken for which, while samples are scored."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import torch

from snnfw.simulate import join_states, merge_state, part_of_state, require_logits, state_of

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

    def state(self) -> dict[str, Tensor]:
        """Return every sample's true class and its answer, and what the scorer has seen."""
        pairs = {"truth": torch.tensor(self.truth, dtype=torch.long), "answers": torch.tensor(self.answers).long()}
        return join_states(samples=pairs, scorer=state_of(self._scorer))

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Put another one's samples behind its own."""
        merge_state(self._scorer, part_of_state(state, "scorer"))
        pairs = part_of_state(state, "samples")
        self.truth += pairs["truth"].tolist()
        self.answers += pairs["answers"].tolist()

    def counts(self) -> Counter[tuple[int, int]]:
        """Return how often each true class got each answer."""
        return Counter(zip(self.truth, self.answers, strict=True))

    def errors(self) -> list[tuple[int, int, int]]:
        """Return true class, wrong answer and how often, the most frequent first."""
        wrong = [(true, said, count) for (true, said), count in self.counts().items() if true != said]
        return sorted(wrong, key=lambda error: (-error[2], error[:2]))
