"""What a training is told: the network and its neurons as a run has them, and how they are trained."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnfw.config.experiments import named_experiment
from snnfw.config.fields import build, shown, take_apart
from snnfw.config.resolve import resolve_plain
from snnfw.config.schema import KEYS, RunConfig
from snnfw.config.sources import Plain, read_values, read_words, text
from snnfw.errors import SnnfwError
from snnfw.training.settings import TrainerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from snnfw.registry import Registry

WITHOUT_EFFECT = ("converter", "search", "exit", "checkpoints", "memory", "strict", "energy", "checkpoint")
"""What a run is told and a training has no use for."""

TRAINING_KEYS = ("trainer", "resume", *(key for key in KEYS if key not in WITHOUT_EFFECT))


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training, completely: ``run`` says what is trained, ``trainer`` how, ``resume`` which folder to go on in."""

    run: RunConfig
    trainer: TrainerSettings
    resume: Path | None
    resolved: Mapping[str, Any]


def resolve_training(words: Sequence[str], registry: Registry) -> TrainConfig:
    """Return the training that ``key=value`` words ask for; files of ``load`` join the registry."""
    return _resolve(read_words(words, TRAINING_KEYS), registry)


def resolve_training_mapping(mapping: Mapping[str, Any], registry: Registry) -> TrainConfig:
    """Return the training that a mapping asks for; methods in it may be names, mappings or instances."""
    return _resolve(read_values(mapping, TRAINING_KEYS), registry)


def _resolve(given: Plain, registry: Registry) -> TrainConfig:
    resume = text(given, "resume")
    if resume is not None:
        given = _of_folder(Path(resume), given)
    file = named_experiment(given, registry, (*TRAINING_KEYS, *WITHOUT_EFFECT))
    trainer = {**_mapping(file.get("trainer")), **_mapping(given.get("trainer"))}
    settings = build(TrainerSettings, trainer, "trainer", "the trainer")
    shared = {key: value for key, value in given.items() if key not in ("trainer", "resume")}
    run = resolve_plain(shared, registry)
    kept = {key: value for key, value in run.resolved.items() if key not in WITHOUT_EFFECT}
    resolved = {**kept, "trainer": take_apart(settings)}
    return TrainConfig(run, settings, Path(resume) if resume else None, resolved)


def _of_folder(folder: Path, given: Plain) -> Plain:
    """Return what a training's own folder says; whoever resumes it changes nothing."""
    file = folder / "config.yaml"
    if not file.is_file():
        raise SnnfwError(f"resume={folder} does not work: it holds no config.yaml, so no training has begun there.")
    if others := sorted(set(given) - {"resume", "load"}):
        raise SnnfwError(
            f"resume={folder} goes on with what its config.yaml says: leave {', '.join(others)} out, or begin anew."
        )
    return {**given, "experiment": str(file)}


def _mapping(value: object) -> Plain:
    if value is None:
        return {}
    if not isinstance(value, dict):
        names = ", ".join(field.name for field in fields(TrainerSettings))
        raise SnnfwError(
            f"trainer={shown(value)} is not allowed: give its parameters ({names}), like trainer.epochs=10."
        )
    return value
