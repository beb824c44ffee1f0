"""Rules that say after each timestep which samples leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from snnfw import Output
from snnfw.simulate import Outputs
from snnfw_plugins.exits.words import explain_thresholds, explain_timestep

Score = Callable[[Output, int], Tensor]
"""How sure an output is after so many timesteps, for each sample, [N]."""


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """Let a sample leave after the first timestep t, from ``minimum`` on, whose score exceeds ``thresholds[t - 1]``."""

    policy: str
    score: Score
    thresholds: tuple[float, ...]
    minimum: int = 1
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def earliest(self) -> int:
        """Return the timestep before which nobody leaves."""
        return self.minimum

    def done(self, output: Output, timestep: int, timesteps: int) -> Tensor:
        """Return whether each sample leaves, [N]."""
        del timesteps
        return (self.score(output, timestep) > self.thresholds[timestep - 1]) & (timestep >= self.minimum)

    def record(self) -> Mapping[str, Any]:
        """Return the thresholds, and what calibration data told of them."""
        explained = explain_thresholds(self.policy, self.thresholds, {"minimum": self.minimum, **self.told})
        return {"policy": self.policy, "explained": explained, "thresholds": list(self.thresholds), **self.told}


class Stillness:
    """How little an output has changed since the timestep before: 1 - distance, and 0 after the first timestep."""

    def __init__(self, distance: Callable[[Output, Output], Tensor], outputs: Outputs) -> None:
        self.distance, self.outputs = distance, outputs
        self.before: Output = None

    def __call__(self, output: Output, timestep: int) -> Tensor:
        """Return the score of each sample, [N] in float64; called timestep by timestep with the same samples."""
        before, self.before = self.before, output
        if timestep == 1:
            return torch.zeros_like(self.distance(output, output), dtype=torch.float64)
        return 1 - self.distance(output, before).double()

    def keep(self, samples: Tensor) -> None:
        """Go on with the samples of these indices alone."""
        self.before = self.outputs.select(self.before, samples)


@dataclass(frozen=True, slots=True)
class StillnessRule:
    """Let a sample leave by its stillness, which remembers the output of those that stay."""

    rule: ThresholdRule
    stillness: Stillness

    def done(self, output: Output, timestep: int, timesteps: int) -> Tensor:
        """Return whether each sample leaves, [N]."""
        done = self.rule.done(output, timestep, timesteps)
        if done.any():
            self.stillness.keep((~done).nonzero().flatten())
        return done

    def record(self) -> Mapping[str, Any]:
        """Return the thresholds, and what calibration data told of them."""
        return self.rule.record()


@dataclass(frozen=True, slots=True)
class TimestepRule:
    """Let every sample leave after one timestep."""

    timestep: int

    @property
    def earliest(self) -> int:
        """Return the timestep before which nobody leaves."""
        return self.timestep

    def done(self, output: Output, timestep: int, timesteps: int) -> Tensor:
        """Return the same for each sample, [N]."""
        del timesteps
        first: Tensor = pytree.tree_leaves(output)[0]
        return torch.full((len(first),), timestep >= self.timestep, device=first.device)

    def record(self) -> Mapping[str, Any]:
        """Return the timestep."""
        return {"policy": "fixed", "explained": explain_timestep(self.timestep), "timestep": self.timestep}
