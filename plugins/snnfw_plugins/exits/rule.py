"""Rules that say after each timestep which samples leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from snnfw.contracts import Output

Score = Callable[[Output, int], Tensor]
"""How sure an output is after so many timesteps, for each sample, [N]."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Let a sample leave after the first timestep t, from ``minimum`` on, whose score exceeds ``thresholds[t - 1]``."""

    policy: str
    score: Score
    thresholds: tuple[float, ...]
    minimum: int = 1
    told: Mapping[str, Any] = field(default_factory=dict)

    def done(self, output: Output, timestep: int, timesteps: int) -> Tensor:
        """Return whether each sample leaves, [N]."""
        del timesteps
        return (self.score(output, timestep) > self.thresholds[timestep - 1]) & (timestep >= self.minimum)

    def record(self) -> Mapping[str, Any]:
        """Return the thresholds, and what calibration data told of them."""
        return {"policy": self.policy, "thresholds": list(self.thresholds), **self.told}


@dataclass(frozen=True, slots=True)
class LeaveAt:
    """Let every sample leave after one timestep."""

    timestep: int

    def done(self, output: Output, timestep: int, timesteps: int) -> Tensor:
        """Return the same for each sample, [N]."""
        del timesteps
        first: Tensor = pytree.tree_leaves(output)[0]
        return torch.full((len(first),), timestep >= self.timestep, device=first.device)

    def record(self) -> Mapping[str, Any]:
        """Return the timestep."""
        return {"policy": "fixed", "timestep": self.timestep}
