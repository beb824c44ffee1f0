"""The door: from what a user wrote to one typed configuration, or to one sentence that says what is wrong."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from omegaconf import OmegaConf

from snnfw.config.fields import as_plain, build_dataclass, format_value
from snnfw.config.gather import gather, read_training
from snnfw.config.given import given_mapping, given_words
from snnfw.config.hints import require_words
from snnfw.config.layers import build_layers
from snnfw.config.methods import choose, choose_optional, choose_source, require_own_data
from snnfw.config.resuming import find_stopped, require_nothing_new, resumed_folder
from snnfw.config.schema import (
    KEYS,
    KEYS_WITHOUT_TASK,
    RUN_KEYS,
    SETTINGS_OF_A_RUN,
    MethodConfig,
    RunConfig,
    Settings,
    default_checkpoints,
)
from snnfw.config.sources import Plain, combine, interpolate, read_values, read_words
from snnfw.config.trust import TrainingFolder, require_confirmed_code
from snnfw.errors import SnnfwError
from snnfw.planning.settled import settle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from snnfw.config.gather import ConfigLayers
    from snnfw.energy.model import EnergyModel
    from snnfw.registry import Registry


def resolve(words: Sequence[str], registry: Registry) -> RunConfig:
    """Return the configuration that ``key=value`` words ask for; files of ``load`` join the registry."""
    said = given_words(words, registry)
    require_words(said, RUN_KEYS, registry)
    return replace(_resolve_run(read_words(said, RUN_KEYS), registry), words=tuple(said))


def resolve_mapping(mapping: Mapping[str, Any], registry: Registry) -> RunConfig:
    """Return the configuration that a mapping asks for; methods may be names, mappings or instances."""
    return _resolve_run(read_values(given_mapping(mapping, registry), RUN_KEYS), registry)


def _resolve_run(given: Plain, registry: Registry) -> RunConfig:
    """Return the configuration of a run that begins, or of one that goes on."""
    asked = resumed_folder(given)
    if asked is None:
        return resolve_plain({key: value for key, value in given.items() if key != "resume"}, registry)
    folder = find_stopped(asked, "run")
    file = read_training(TrainingFolder("resume", folder))
    words = {key: value for key, value in given.items() if key != "resume"}
    config = resolve_plain(words, registry, resume=folder)
    require_nothing_new(asked, file, words, registry)
    return replace(config, resume=folder)


class ResolvedConfig(Protocol):
    """A configuration that is also there as plain values."""

    @property
    def resolved(self) -> Mapping[str, Any]:
        """Return the plain values."""
        ...


def to_yaml(config: ResolvedConfig) -> str:
    """Return the configuration as a file that ``experiment=`` reads."""
    return OmegaConf.to_yaml(OmegaConf.create(dict(config.resolved)))


def resolve_method(mapping: Mapping[str, Any], registry: Registry) -> MethodConfig:
    """Return the method that a mapping asks for, for a network that no task brings: ``KEYS_WITHOUT_TASK``."""
    gathered = gather(read_values(given_mapping(mapping, registry), KEYS_WITHOUT_TASK), registry)
    return MethodConfig(**method_fields(interpolate(reduce(combine, gathered.layers)), gathered, registry))


def resolve_plain(
    given: Plain, registry: Registry, keys: Sequence[str] = KEYS, resume: Path | None = None
) -> RunConfig:
    """Return the configuration that plain values ask for; ``keys`` and ``resume`` are those of ``gather``."""
    gathered = gather(given, registry, keys, resume)
    values = interpolate(reduce(combine, gathered.layers))
    task = choose(registry, values, "task")
    sources = {
        "task": task,
        "model": choose_source(registry, values, "model", task),
        "data": choose_source(registry, values, "data", task),
    }
    method = method_fields(values, gathered, registry, sources)
    require_own_data(registry, values, sources["model"], task)
    tracker = choose_optional(registry, values, "tracker")
    if tracker is not None:
        method["resolved"] = {**method["resolved"], "tracker": as_plain(tracker)}
    settings = _settings(values)
    own = {key: getattr(settings, key) for key in SETTINGS_OF_A_RUN}
    return RunConfig(**sources, **method, **own, tracker=tracker)


def method_fields(
    values: Plain, gathered: ConfigLayers, registry: Registry, sources: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the fields of a method's configuration; ``sources`` are written down with it, before its stages."""
    stages = {
        "converter": choose_optional(registry, values, "converter") or registry.find("converters", "direct")(),
        "search": choose_optional(registry, values, "search"),
        "exit": choose_optional(registry, values, "exit"),
    }
    energy: EnergyModel = choose(registry, values, "energy")
    around = {"energy": energy, "launcher": choose_optional(registry, values, "launcher")}
    if gathered.sent:
        require_confirmed_code(gathered.sent, {**sources, **stages, **around}, gathered.said)
    rules, recipe = build_layers(registry, values, gathered)
    settings = _settings(values)
    written = {key: value for key, value in as_plain(settings).items() if sources or key not in SETTINGS_OF_A_RUN}
    resolved = {
        "plugin": gathered.plugin,
        **{key: as_plain(method) if method else None for key, method in {**sources, **stages}.items()},
        **recipe,
        **written,
        **{key: as_plain(method) if method else None for key, method in around.items()},
        **({"load": list(gathered.loaded)} if gathered.loaded else {}),
    }
    rules = settle(rules) if settings.settled else rules
    own = {key.name: getattr(settings, key.name) for key in fields(Settings) if key.name not in SETTINGS_OF_A_RUN}
    return {**stages, **own, **around, "layers": rules, "plugin": gathered.plugin, "resolved": resolved}


def _settings(values: Plain) -> Settings:
    """Build the settings, the checkpoints sorted, each once, and in the range of the timesteps."""
    given = {field.name: values[field.name] for field in fields(Settings) if field.name in values}
    settings = build_dataclass(Settings, given, "", "the configuration")
    if settings.settled:
        return replace(settings, timesteps=1, checkpoints=(1,))
    if settings.checkpoints is None:
        return replace(settings, checkpoints=default_checkpoints(settings.timesteps))
    if not settings.checkpoints or not all(1 <= step <= settings.timesteps for step in settings.checkpoints):
        raise SnnfwError(
            f"checkpoints={format_value(list(settings.checkpoints))} is not allowed: it must be a list of timesteps "
            f"from 1 to {settings.timesteps}."
        )
    return replace(settings, checkpoints=tuple(sorted(set(settings.checkpoints))))
