"""What calibration samples show on their way through all timesteps: how sure each is after each, and whether right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import torch
from torch import Tensor

from snnfw import Bundle, Output, Resources, SnnfwError, SpikingModel
from snnfw.conversion import to_device
from snnfw_plugins.exits.rule import Score, ThresholdRule

GRID = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999, 1.0)
"""The constant thresholds of a sweep."""


@dataclass(frozen=True, slots=True)
class Study:
    """Scores [T, S] of S samples after each timestep, and how much of each is right then, where the task can tell."""

    scores: Tensor
    right: Tensor | None

    def mean(self) -> Tensor:
        """Return the mean score after each timestep, [T]."""
        return self.scores.mean(1)

    def right_mean(self) -> Tensor:
        """Return the mean score after each timestep, samples weighted by how right they are, [T]; NaN where none is."""
        if self.right is None:
            raise ValueError("nobody can tell which samples are right")
        return (self.right * self.scores).sum(1) / self.right.sum(1)

    def outcome(self, thresholds: Sequence[float], minimum: int) -> dict[str, float | None]:
        """Return the mean exit and how right the outputs are that samples leave with, 1 where all are."""
        leave = self.scores > torch.tensor(thresholds, dtype=torch.float64).unsqueeze(1)
        leave[: minimum - 1] = False
        leave[-1] = True
        exits = leave.int().argmax(0)  # the first of the largest
        right = None if self.right is None else float(self.right.gather(0, exits.unsqueeze(0)).double().mean())
        return {"mean_steps": float(exits.double().mean()) + 1, "score": right}

    def safe_minimum(self, thresholds: Sequence[float], minimum: int, tolerance: float | None) -> int:
        """Return the least minimum, from the one given on, that loses no more right samples than is tolerated."""
        if tolerance is None:
            return minimum
        if self.right is None:
            raise SnnfwError("this task cannot tell which samples are right, as exit.tolerance asks: leave it out.")
        least = float(self.right[-1].double().mean()) - tolerance
        steps = range(minimum, len(self.scores))
        safe = (step for step in steps if (self.outcome(thresholds, step)["score"] or 0.0) >= least)
        return next(safe, len(self.scores))

    def threshold_record(self, thresholds: Sequence[float], minimum: int) -> dict[str, Any]:
        """Return the outcome of the thresholds, and of constant ones instead, on these samples."""
        constant = {alpha: self.outcome([alpha] * len(self.scores), minimum) for alpha in GRID}
        return {
            "minimum": minimum,
            "expected": self.outcome(thresholds, minimum),
            "sweep": [{"threshold": alpha, **outcome} for alpha, outcome in constant.items()],
        }


def logit_score(
    bundle: Bundle, judge: Callable[[Tensor], Tensor], logits: Literal["sum", "mean"], policy: str
) -> Score:
    """Return the score of outputs by the task's logits, which are means over time until they are summed up again."""
    of = bundle.judgement.logits
    if of is None:
        raise SnnfwError(f"exit={policy} judges logits, and this task has none: leave exit out, or use exit=fixed.")

    def score(output: Output, timestep: int) -> Tensor:
        found = of(output)
        if found.shape[1] < 2:
            raise SnnfwError(f"exit={policy} compares classes, and the task's logits have only one: use exit=fixed.")
        return judge(found.double() * (timestep if logits == "sum" else 1))

    return score


@dataclass(frozen=True, slots=True)
class Constant:
    """A threshold that is the same at every timestep, of a policy, and what is asked of its study."""

    policy: str
    threshold: float
    minimum: int
    tolerance: float | None
    batches: int


def constant_rule(
    asked: Constant,
    score: Score,
    model: SpikingModel,
    bundle: Bundle,
    timesteps: int,
    resources: Resources,
) -> ThresholdRule:
    """Return the rule of a threshold that is the same at every timestep, studied where there are samples for it."""
    thresholds = (asked.threshold,) * timesteps
    if bundle.data.tuning is None and asked.tolerance is None:
        return ThresholdRule(asked.policy, score, thresholds, asked.minimum)
    seen = study_batches(model, bundle, timesteps, score, asked.batches, resources)
    minimum = seen.safe_minimum(thresholds, asked.minimum, asked.tolerance)
    return ThresholdRule(asked.policy, score, thresholds, minimum, seen.threshold_record(thresholds, minimum))


@torch.no_grad()
def study_batches(
    model: SpikingModel, bundle: Bundle, timesteps: int, score: Score, batches: int, resources: Resources
) -> Study:
    """Return the scores, and their correctness, over the first ``batches`` calibration batches with targets."""
    if bundle.data.tuning is None:
        raise SnnfwError("this task has no targets for its calibration data, from which exit thresholds are learnt.")
    total = min(batches, len(bundle.data.tuning))
    scores, right = [], []
    for batch in resources.track(islice(bundle.data.tuning, total), "study exits", total):
        model.begin(to_device(batch.inputs, resources.device))
        outputs = (_step(model) for _ in range(timesteps))
        seen = [(score(y, t).cpu(), _right(bundle, y, batch.target)) for t, y in enumerate(outputs, start=1)]
        scores.append(torch.stack([surely for surely, _ in seen]))
        right.append(torch.stack([rightly for _, rightly in seen]))
    if not scores:
        raise SnnfwError("there is no calibration data: give at least one batch.")
    return Study(torch.cat(scores, 1), torch.cat(right, 1) if bundle.judgement.correct else None)


def _step(model: SpikingModel) -> Output:
    model.advance(1)
    return model.read()


def _right(bundle: Bundle, output: Output, target: Any) -> Tensor:
    return bundle.judgement.correct(output, target).cpu().double() if bundle.judgement.correct else torch.empty(0)
