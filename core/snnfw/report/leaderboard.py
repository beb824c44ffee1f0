"""The leaderboard as a value: several methods on one network, one data set and one set of prices."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from snnfw.energy.charges import Energy
from snnfw.report.report import Checkpoint, Network

SCHEMA = 1
"""Version of leaderboard.json; a field may be added within a version, none changes its meaning."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One method at one checkpoint: means over samples, and the seconds that simulating all of them took.

    ``seconds`` is None where the checkpoint was read off a longer simulation.
    """

    timestep: int
    steps: float
    reads: float
    scores: Mapping[str, float]
    energy: Energy
    energy_ratio: float
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One method: what it is made of, how it stands, and why it got no further, if it didn't."""

    name: str
    plugin: str | None
    layers: tuple[str, ...]
    converter: str
    search: str | None
    exit: str | None
    samples: int
    standings: tuple[Standing, ...]
    error: str | None


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Everything that a comparison found out; ``docs/reference/report.md`` documents every field.

    ``chance`` is the headline of guessing, None where there is no such number.
    """

    schema: int
    headline: str
    about: Mapping[str, Any]
    checkpoints: tuple[int, ...]
    retarget: bool
    network: Network
    entries: tuple[Entry, ...]
    chance: float | None = None

    @property
    def complete(self) -> bool:
        """Tell whether every method got to the end."""
        return not any(entry.error for entry in self.entries)

    def plain(self) -> dict[str, Any]:
        """Return the leaderboard as what JSON can hold."""
        return dataclasses.asdict(self)

    def save(self, folder: str | Path) -> Path:
        """Write leaderboard.json and leaderboard.html into a new folder, and return it.

        Raises:
            SnnfwError: the folder exists already, or cannot be written.

        """
        saving = import_module("snnfw.report.saving")  # pages are made of boards, so that no board can know them
        written: Path = saving.save_files(folder, saving.leaderboard_files(self), self.about)
        return written

    def best(self, timestep: int) -> float | None:
        """Return the best headline score of any method at a checkpoint."""
        found = (
            standing.scores.get(self.headline, math.nan)
            for entry in self.entries
            if (standing := standing_at(entry, timestep))
        )
        return max((score for score in found if not math.isnan(score)), default=None)


def make_standing(point: Checkpoint, seconds: float | None) -> Standing:
    """Return a method's standing at a checkpoint of its run."""
    return Standing(point.timestep, point.steps, point.reads, point.scores, point.energy, point.energy_ratio, seconds)


def standing_at(entry: Entry, timestep: int) -> Standing | None:
    """Return how a method stands at a checkpoint, if it got there."""
    return next((found for found in entry.standings if found.timestep == timestep), None)
