"""What a training is told: the network and its neurons as a run has them, and how they are trained."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from snnfw.config.experiments import read_named_experiment
from snnfw.config.fields import as_plain, build_dataclass, format_value
from snnfw.config.gather import read_training
from snnfw.config.given import given_mapping, given_words
from snnfw.config.hints import require_words
from snnfw.config.resolution import resolve_plain
from snnfw.config.resuming import require_nothing_new, resumed_folder
from snnfw.config.schema import KEYS, RunConfig
from snnfw.config.sources import Plain, read_values, read_words
from snnfw.config.trust import TrainingFolder
from snnfw.errors import SnnfwError
from snnfw.training.settings import TrainerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from snnfw.registry import Registry

WITHOUT_EFFECT = (
    "converter",
    "search",
    "exit",
    "checkpoints",
    "memory",
    "fitting",
    "strict",
    "energy",
    "launcher",
    "checkpoint",
    "save",
)
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
    said = given_words(words, registry)
    require_words(said, TRAINING_KEYS, registry)
    return _resolve(read_words(said, TRAINING_KEYS), registry)


def resolve_training_mapping(mapping: Mapping[str, Any], registry: Registry) -> TrainConfig:
    """Return the training that a mapping asks for; methods in it may be names, mappings or instances."""
    return _resolve(read_values(given_mapping(mapping, registry), TRAINING_KEYS), registry)


def _resolve(given: Plain, registry: Registry) -> TrainConfig:
    resume = resumed_folder(given)
    if resume:
        file = read_training(TrainingFolder("resume", resume))
    else:
        file = read_named_experiment(given, registry, (*TRAINING_KEYS, *WITHOUT_EFFECT))
    trainer = {**_mapping(file.get("trainer")), **_mapping(given.get("trainer"))}
    if moved := [key for key in ("devices", "nodes") if key in trainer]:
        raise SnnfwError(
            f"trainer.{moved[0]} has become {moved[0]}, which every command takes: say {moved[0]}={trainer[moved[0]]}."
        )
    settings = build_dataclass(TrainerSettings, trainer, "trainer", "the trainer")
    shared = {key: value for key, value in given.items() if key not in ("trainer", "resume")}
    run = resolve_plain(shared, registry, resume=resume)
    if resume:
        require_nothing_new(resume, file, given, registry)
    settings = replace(settings, start=_start(settings, run))
    if settings.start == "given" and settings.gain != 1.0:
        raise SnnfwError(
            f"trainer.gain={settings.gain:g} is for batch norms that start anew, and these keep the weights that they "
            "have: leave it out."
        )
    kept = {key: value for key, value in run.resolved.items() if key not in WITHOUT_EFFECT}
    return TrainConfig(run, settings, resume, {**kept, "trainer": as_plain(settings)})


def _start(settings: TrainerSettings, run: RunConfig) -> Literal["fresh", "given"]:
    """Return the weights' source that the training starts from: given weights are not thrown away."""
    weights = getattr(run.model, "weights", None)
    if weights is None:
        return settings.start or "fresh"
    if settings.start == "fresh":
        raise SnnfwError(
            f"trainer.start=fresh would throw model.weights={weights} away: say trainer.start=given to go on from "
            "them, or leave them out."
        )
    return "given"


def _mapping(value: object) -> Plain:
    if value is None:
        return {}
    if not isinstance(value, dict):
        names = ", ".join(field.name for field in fields(TrainerSettings))
        raise SnnfwError(
            f"trainer={format_value(value)} is not allowed: give its parameters ({names}), like trainer.epochs=10."
        )
    return value
