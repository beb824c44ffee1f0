"""What a simulation saw: scores and events at every checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from snnfw.values import Scorer


@dataclass(frozen=True, slots=True)
class Point:
    """One checkpoint: scores of all samples, and means over samples of what it took to get there.

    ``steps`` is the mean number of timesteps computed: below ``timestep`` where samples have left early. ``reads`` is
    the mean number of times that the output was read: once, or at every timestep after which a sample may leave.
    ``spikes`` are the events that each site emitted, ``accumulations`` the accumulate operations of each layer, by
    node. ``scorer`` is what scored the samples, for whoever counts in it more than scores.
    """

    timestep: int
    scores: Mapping[str, float]
    steps: float
    reads: float
    spikes: Mapping[str, float]
    accumulations: Mapping[str, float]
    scorer: Scorer | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole simulation.

    ``exits[t]`` counts the samples that left after timestep t. ``seconds`` is wall clock for all samples, scoring
    included; ``chunk`` the longest run of timesteps that was computed at once.
    """

    points: tuple[Point, ...]
    samples: int
    seconds: float
    exits: Mapping[int, int]
    chunk: int

    @property
    def final(self) -> Point:
        """Return the last checkpoint."""
        return self.points[-1]
