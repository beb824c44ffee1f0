"""What a task shows of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snnfw.values.samples import Batch, Output


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture that a task made: a PNG, a short name for its file, and the sentence that stands under it."""

    name: str
    caption: str
    image: bytes


@dataclass(frozen=True, slots=True)
class View:
    """What a few evaluation samples look like to the network and to the spiking network.

    ``spiking`` holds the outputs after some of the checkpoints, or after every timestep where the gallery asks for it,
    in increasing order, with nobody leaving early; ``scores`` and ``network_scores`` are those of all evaluation
    samples, the former by checkpoint. ``scorer`` is the task's own, which made the last of ``scores``, for whatever
    else it has counted. Where the gallery chooses among the samples, ``spiking`` holds those at ``chosen`` alone.
    """

    batch: Batch
    network: Output
    spiking: Mapping[int, Output]
    network_scores: Mapping[str, float]
    scores: Mapping[int, Mapping[str, float]]
    scorer: Any = None
    chosen: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Gallery:
    """What a task shows of a run: the samples to look at, read when they are needed, and how to draw them.

    ``every`` asks for what the spiking network says after every timestep, or, of many, after some spread evenly.
    ``choose``, where it is given, returns the positions in the batch that the spiking network is to run on once more,
    given the batch, the network's output, and the task's scorer that has seen what the spiking network says of all.
    """

    batch: Callable[[], Batch]
    draw: Callable[[View], Sequence[Drawing]]
    every: bool = False
    choose: Callable[[Batch, Output, Any], Sequence[int]] | None = None
