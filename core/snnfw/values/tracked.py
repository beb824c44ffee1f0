"""What a tracker is told of a run: plain data, whatever made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Setting = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Tracked:
    """A run, a comparison, one of its methods, or a training, as it is told to a tracker when it is over.

    ``kind`` says which of them it is. ``parameters`` are the configuration, flat, by keys such as ``neuron.phi``;
    ``numbers`` what has no step, ``points`` what has one, which ``axis`` names: timesteps, or epochs of a training.
    Numbers are finite. ``tags`` are words and versions. ``folder`` holds the results, complete, and is None where they
    are a part of another's; ``error`` is why a method got no further.
    """

    name: str
    kind: str
    parameters: Mapping[str, Setting]
    numbers: Mapping[str, float]
    points: Mapping[int, Mapping[str, float]]
    tags: Mapping[str, str] = field(default_factory=dict)
    axis: str = "timestep"
    folder: Path | None = None
    error: str | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Return every file of the folder, in order."""
        return tuple(sorted(path for path in self.folder.rglob("*") if path.is_file())) if self.folder else ()
