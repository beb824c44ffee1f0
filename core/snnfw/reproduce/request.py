"""What a user asks of a reproduction: which rows, with which words, and how far these are from the paper's."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from snnfw.config.fields import format_value
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
"""Words that make a run shorter or smaller than the paper's, where their number is not larger than the file's."""

NEUTRAL = (
    "out", "device", "backend", "memory", "load", "save", "seed", "checkpoint", "rows", "data.root", "data.file",
    "model.weights", "task.batch", "task.workers", "trainer.workers", "devices", "nodes",
    "trainer.strategy", "trainer.precision", "trainer.tensorboard",
)  # fmt: skip
"""Words about where things are and what computes: a run with them is as published."""

OF_A_METHOD = ("plugin", "neuron", "layers", "recipe", "timesteps", "settled")
"""What is left out where the network itself is trained."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call: the experiment, the rows that are wanted, and the user's words without ``rows`` and ``out``.

    ``files`` are the experiments that the rows are of.
    """

    experiment: Experiment
    rows: tuple[ExperimentRow, ...]
    words: tuple[str, ...]
    out: Path | None
    files: tuple[Experiment, ...]

    @property
    def shortened(self) -> tuple[str, ...]:
        """Return the words that make it shorter than the paper's run."""
        return tuple(word for word in self.words if difference_of(word, self) == "shortened")

    @property
    def changed(self) -> tuple[str, ...]:
        """Return the other words that make it another run than the paper's."""
        return tuple(word for word in self.words if difference_of(word, self) == "changed")

    @property
    def weights_given(self) -> bool:
        """Tell whether the user brings the network's weights."""
        return any(key_of(word) in ("model.weights", "checkpoint") for word in self.words)

    @property
    def timesteps_given(self) -> int | None:
        """Return the timesteps that the user says instead of the paper's."""
        said = [value_of(word) for word in self.words if key_of(word) == "timesteps"]
        return said[-1] if said else None


def read_request(name: str, words: Sequence[str], registry: Registry) -> Request:
    """Return the request of ``snnfw reproduce NAME WORDS``, every word checked to be of a known key."""
    pattern = next((word.partition("=")[2] for word in reversed(words) if key_of(word) == "rows"), None)
    kept = tuple(word for word in words if key_of(word) != "rows")  # its pattern need not be YAML: *ResNet20*
    given = read_words(kept, REQUEST_KEYS)
    if refused := next((key for key in REFUSED if key in given), None):
        raise SnnfwError(f"{refused}= is not for reproduce, whose experiment is its name: leave it out.")
    for key in ("devices", "nodes"):
        if value_at(given, key) not in (None, 1):  # each process would run every row, in a folder of its own
            raise SnnfwError(
                f"{key}={format_value(value_at(given, key))} is not for reproduce, which is one process: train with "
                f"'snnfw train experiment={name} {key}=...', and give checkpoint=FOLDER of it."
            )
    steps = given.get("timesteps", 1)
    if not isinstance(steps, int) or isinstance(steps, bool):
        raise SnnfwError(
            f"timesteps={format_value(steps)} is not allowed: it must be one whole number, like timesteps=8."
        )
    experiment = read_rows(name, registry)
    rows = choose_rows(experiment, pattern)
    names = dict.fromkeys(row.experiment for row in rows)
    files = tuple(experiment if other == experiment.name else read_rows(other, registry) for other in names)
    out = given.get("out")
    kept = tuple(word for word in kept if key_of(word) != "out")
    return Request(experiment, rows, kept, Path(str(out)) if out is not None else None, files)


def choose_rows(experiment: Experiment, pattern: str | None) -> tuple[ExperimentRow, ...]:
    """Return the rows whose label a pattern matches; all without one."""
    if pattern is None:
        return experiment.rows
    rows = tuple(row for row in experiment.rows if fnmatch.fnmatchcase(row.label, pattern))
    if not rows:
        listing = ", ".join(row.label for row in experiment.rows)
        raise SnnfwError(f"rows={pattern} matches no row of '{experiment.name}'. Its rows: {listing}.")
    return rows


def key_of(word: str) -> str:
    """Return a word's key."""
    return word.partition("=")[0]


def value_of(word: str) -> Any:
    """Return a word's value."""
    return value_at(read_words([word], REQUEST_KEYS), key_of(word))


def value_at(plain: Any, key: str) -> Any:
    """Return what a mapping of mappings has at ``part.part``; None where it has nothing."""
    for part in key.split("."):
        plain = plain.get(part) if isinstance(plain, dict) else None
    return plain


def difference_of(word: str, request: Request) -> Literal["shortened", "changed", ""]:
    """Return what a word makes of the paper's run: a shorter one, another one, or nothing else."""
    key = key_of(word)
    if key == "model.weights" and any(file.prepare == "train" for file in request.files):
        return "changed"  # the training starts from them
    if key in NEUTRAL:
        return ""
    if key not in SHORTER:
        return "changed"
    said = [value_at(file.plain, key) for file in request.files]
    published = [row.timesteps for row in request.rows]
    value = value_of(word)
    if key == "timesteps" and any(published):
        if all(value in steps for steps in published):
            return ""
        said = [max(steps) for steps in published if steps]
    if all(value == one for one in said):
        return ""
    return "changed" if value is None or any(_is_more(value, one) for one in said) else "shortened"


def _is_more(value: Any, said: Any) -> bool:
    return isinstance(value, int | float) and isinstance(said, int | float) and value > said


def describe_difference(request: Request) -> str:
    """Return in words how a request differs from what is published; nothing where it does not."""
    parts = {"shortened": request.shortened, "changed": request.changed}
    return "; ".join(f"{what}: {', '.join(words)}" for what, words in parts.items() if words)
