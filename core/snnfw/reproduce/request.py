"""What a user asks of a reproduction: which rows, with which words, and how far these are from the paper's."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from snnfw.config.published import Experiment, ExperimentRow, read_rows
from snnfw.config.sources import read_words
from snnfw.config.training import TRAINING_KEYS, WITHOUT_EFFECT
from snnfw.errors import SnnfwError
from snnfw.registry import Registry

REQUEST_KEYS = tuple(dict.fromkeys((*TRAINING_KEYS, *WITHOUT_EFFECT, "rows")))
REFUSED = ("experiment", "resume")

SHORTER = (
    "trainer.epochs", "task.limit", "task.calibration", "timesteps", "checkpoints", "model.width", "model.depth",
    "model.hidden", "data.size", "data.points",
)  # fmt: skip
"""Words that make a run shorter or smaller than the paper's."""

NEUTRAL = (
    "out", "device", "backend", "memory", "load", "save", "seed", "checkpoint", "rows", "data.root", "data.file",
    "model.weights", "task.batch", "task.workers", "trainer.workers", "trainer.devices", "trainer.nodes",
    "trainer.strategy", "trainer.precision", "trainer.tensorboard",
)  # fmt: skip
"""Words about where things are and what computes: a run with them is as published."""

OF_A_METHOD = ("plugin", "neuron", "layers", "recipe", "timesteps", "settled")
"""What is left out where the network itself is trained."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call: the experiment, the rows that are wanted, and the user's words without ``rows`` and ``out``."""

    experiment: Experiment
    rows: tuple[ExperimentRow, ...]
    words: tuple[str, ...]
    out: Path | None

    @property
    def shortened(self) -> tuple[str, ...]:
        """Return the words that make it shorter than the paper's run."""
        return tuple(word for word in self.words if key_of(word) in SHORTER)

    @property
    def changed(self) -> tuple[str, ...]:
        """Return the other words that make it another run than the paper's."""
        return tuple(word for word in self.words if key_of(word) not in (*SHORTER, *NEUTRAL))

    @property
    def weights_given(self) -> bool:
        """Tell whether the user brings the network's weights."""
        return any(key_of(word) in ("model.weights", "checkpoint") for word in self.words)

    @property
    def timesteps_given(self) -> int | None:
        """Return the timesteps that the user says instead of the paper's."""
        said = read_words([word for word in self.words if key_of(word) == "timesteps"], REQUEST_KEYS).get("timesteps")
        return said if isinstance(said, int) else None


def read_request(name: str, words: Sequence[str], registry: Registry) -> Request:
    """Return the request of ``snnfw reproduce NAME WORDS``, every word checked to be of a known key."""
    given = read_words(words, REQUEST_KEYS)
    if refused := next((key for key in REFUSED if key in given), None):
        raise SnnfwError(f"{refused}= is not for reproduce, whose experiment is its name: leave it out.")
    experiment = read_rows(name, registry)
    rows = choose_rows(experiment, given.get("rows"))
    out = given.get("out")
    kept = tuple(word for word in words if key_of(word) not in ("rows", "out"))
    return Request(experiment, rows, kept, Path(str(out)) if out is not None else None)


def choose_rows(experiment: Experiment, pattern: object) -> tuple[ExperimentRow, ...]:
    """Return the rows whose label a pattern matches; all without one."""
    if pattern is None:
        return experiment.rows
    rows = tuple(row for row in experiment.rows if fnmatch.fnmatchcase(row.label, str(pattern)))
    if not rows:
        listing = ", ".join(row.label for row in experiment.rows)
        raise SnnfwError(f"rows={pattern} matches no row of '{experiment.name}'. Its rows: {listing}.")
    return rows


def key_of(word: str) -> str:
    """Return a word's key."""
    return word.partition("=")[0]


def describe_difference(request: Request) -> str:
    """Return in words how a request differs from what is published; nothing where it does not."""
    parts = {"shortened": request.shortened, "changed": request.changed}
    return "; ".join(f"{what}: {', '.join(words)}" for what, words in parts.items() if words)
