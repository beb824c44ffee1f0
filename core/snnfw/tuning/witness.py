"""Score samples as the task does, and remember what the difference between two networks is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from snnfw.simulate.outputs import Outputs
from snnfw.values import Judgement, Output

GROUPS = 10
"""Parts into which samples are dealt out, where the headline is no mean over samples."""

LARGEST = 20.0
"""Largest logarithm of a temperature, in units of the mean distance of logits from the largest."""

EQUAL = 1e-6
"""How near the mean over samples must be to the headline for one to be the other: a float32 score's rounding."""


class Witness:
    """A scorer that also keeps how right each sample is, or the scores without each of some groups of the samples.

    With ``groups`` there is a scorer for the samples outside of each group, for the jackknife; sample i is of group i
    modulo ``groups``, in whatever batches samples come.
    """

    def __init__(self, judgement: Judgement, outputs: Outputs, groups: int) -> None:
        self.judgement, self.outputs = judgement, outputs
        self.samples = 0
        self._whole = judgement.scorer()
        self._without = [judgement.scorer() for _ in range(groups)]
        self._right: list[Tensor] = []
        self.logits: list[Tensor] = []

    def update(self, output: Output, target: Any) -> None:
        """Take one batch."""
        self._whole.update(output, target)
        if not self._without:
            if self.judgement.correct is not None:
                self._right.append(self.judgement.correct(output, target).detach().double().cpu())
            if isinstance(output, Tensor) and output.ndim == 2 and self.judgement.logits is not None:
                self.logits.append(self.judgement.logits(output).detach().cpu())
            return
        count, device = self.outputs.count(output)
        group = (torch.arange(count) + self.samples) % len(self._without)
        for number, scorer in enumerate(self._without):
            rows = (group != number).nonzero().flatten()
            if len(rows):
                kept = self.outputs.select(output, rows.to(device))
                scorer.update(kept, self.judgement.target_of(target, rows))
        self.samples += count

    def compute(self) -> Mapping[str, float]:
        """Return the task's scores."""
        return self._whole.compute()

    @property
    def headline(self) -> float:
        """Return the metric that stands first."""
        return float(self.compute()[self.judgement.headline])

    def right(self) -> Tensor:
        """Return how right each sample is, [N] in float64."""
        return torch.cat(self._right) if self._right else torch.zeros(0, dtype=torch.float64)

    def is_mean(self) -> bool:
        """Tell whether the headline is the mean of how right samples are."""
        return bool(self._right) and abs(float(self.right().mean()) - self.headline) < EQUAL

    def pseudo_values(self) -> list[float]:
        """Return for each group what it alone adds to the headline: G · all - (G - 1) · without (jackknife)."""
        groups, whole = len(self._without), self.headline
        return [
            groups * whole - (groups - 1) * float(scorer.compute()[self.judgement.headline]) for scorer in self._without
        ]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a witness saw: the headline, what it is made of, by sample or by group, and logits [N, K] if there are."""

    headline: float
    parts: tuple[float, ...]
    is_mean: bool
    logits: Tensor | None = None


def summarise(witness: Witness) -> Seen:
    """Return what a witness saw."""
    parts, is_mean = witness.pseudo_values() or witness.right().tolist(), witness.is_mean()
    whole = is_mean and sum(map(len, witness.logits)) == len(parts)
    return Seen(witness.headline, tuple(parts), is_mean, torch.cat(witness.logits) if whole else None)


def what_is_lost(own: Seen, spiking: Seen) -> tuple[float, ...]:
    """Return by sample, or by group, what the network has and the spiking network has not.

    Of logits it is what the network itself expects: where the spiking network gives answer b in place of the network's
    answer a, p(a) - p(b), with p the softmax of the network's logits, as sure on average as it is right. That is the
    mean over the labels that such a sample may have, and does not depend on the luck of the label that it has.
    """
    if own.logits is None or spiking.logits is None:
        return tuple(a - b for a, b in zip(own.parts, spiking.parts, strict=True))
    shares, answers = be_as_sure(own.logits, own.headline), spiking.logits.argmax(1, keepdim=True)
    return tuple((shares.max(1).values - shares.gather(1, answers).squeeze(1)).tolist())


def be_as_sure(logits: Tensor, accuracy: float) -> Tensor:
    """Return softmax(logits / τ), [N, K] in float64, with the temperature at which its mean maximum is the accuracy.

    A network that is right everywhere would be sure of everything; half a sample may still be wrong.
    """
    values, wanted = logits.double() - logits.double().max(1, keepdim=True).values, min(accuracy, 1 - 0.5 / len(logits))
    low, high = -LARGEST, LARGEST  # of log τ: the mean maximum falls as it grows
    scale = float(values.abs().mean()) or 1.0
    for _ in range(60):
        middle = (low + high) / 2
        sure = float((values / (scale * math.exp(middle))).softmax(1).max(1).values.mean())
        low, high = (middle, high) if sure > wanted else (low, middle)
    return (values / (scale * math.exp(low))).softmax(1)
