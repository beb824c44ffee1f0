"""A first look in seconds: the words that make a run, a comparison or a training short."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from snnfw.config.comparison import CompareConfig
from snnfw.config.diagnosis import DiagnosisConfig
from snnfw.config.schema import default_checkpoints
from snnfw.config.training import TrainConfig
from snnfw.config.tuning import TuneConfig
from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from snnfw.config.schema import RunConfig
    from snnfw.registry import Registry

    Quickened: TypeAlias = RunConfig | CompareConfig | TuneConfig | DiagnosisConfig | TrainConfig

SAMPLES = 64
TIMESTEPS = 4


def quick_words(config: Quickened, said: Sequence[str], registry: Registry) -> list[str]:
    """Return words that make what is configured short; what is ``said`` beside them stands.

    They take few samples, no search, one epoch, and few timesteps where a preset does not have its own number.

    Raises:
        SnnfwError: a training, a run or a comparison goes on, whose length is that of its folder.

    """
    if isinstance(config, CompareConfig):
        if config.shared.resume:
            raise SnnfwError("--quick is for a comparison that begins: one that goes on is as long as it was told.")
        short = [] if _says(said, "checkpoints") else [_listed(config.checkpoints)]
        words = [*_samples(config.shared.task), *short]
    elif isinstance(config, TuneConfig):
        words = [
            *_samples(config.shared.task),
            f"timesteps=[{','.join(map(str, _few(config.aim.timesteps)))}]",
            "rounds=1",
        ]
    elif isinstance(config, TrainConfig):
        if config.resume:
            raise SnnfwError("--quick is for a training that begins: one that goes on is as long as it was told.")
        words = [*_samples(config.run.task), *_timesteps(config.run, said, registry), "trainer.epochs=1"]
        words = [word for word in words if not word.startswith("checkpoints=")]
    else:
        config = config.run if isinstance(config, DiagnosisConfig) else config
        if config.resume:
            raise SnnfwError("--quick is for a run that begins: one that goes on is as long as it was told.")
        kept = config.checkpoint is not None and config.checkpoint.is_file()
        search = ["search=null"] if config.search and not kept else []
        words = [*_samples(config.task), *search, *([] if kept else _timesteps(config, said, registry))]
    return [word for word in words if not _says(said, word.partition("=")[0])]


def _samples(task: Any) -> list[str]:
    """Return the words that keep a task's amounts small, as far as it has any that are larger."""
    own = {field.name: getattr(task, field.name) for field in fields(task)}
    few = [f"task.limit={SAMPLES}"] if "limit" in own and (own["limit"] or SAMPLES + 1) > SAMPLES else []
    return [*few, *([f"task.calibration={SAMPLES}"] if own.get("calibration", 0) > SAMPLES else [])]


def _timesteps(config: RunConfig, said: Sequence[str], registry: Registry) -> list[str]:
    preset = registry.presets.get(config.plugin or "")
    own = preset is not None and preset.timesteps is not None
    if own or config.timesteps <= TIMESTEPS or config.settled or _says(said, "timesteps") or _says(said, "checkpoints"):
        return []
    return [f"timesteps={TIMESTEPS}", _listed(default_checkpoints(TIMESTEPS))]


def _listed(checkpoints: Sequence[int]) -> str:
    return f"checkpoints=[{','.join(map(str, _few(checkpoints)))}]"


def _few(timesteps: Sequence[int]) -> list[int]:
    return [step for step in timesteps if step <= TIMESTEPS] or [min(timesteps)]


def _says(said: Sequence[str], key: str) -> bool:
    return any(word.partition("=")[0] == key for word in said)
