"""What a comparison is told: its methods, each a complete run of its own, and everything that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from snnfw.config.experiments import read_named_experiment
from snnfw.config.fields import build_dataclass, format_value
from snnfw.config.gather import read_training
from snnfw.config.given import given_mapping, given_words
from snnfw.config.hints import require_words
from snnfw.config.named import find_named_method, list_methods
from snnfw.config.resolution import resolve_plain
from snnfw.config.resuming import OF_A_COMPARISON, find_stopped, require_nothing_new, resumed_folder
from snnfw.config.schema import KEYS, RunConfig, as_list
from snnfw.config.sources import Plain, combine, files_to_load, optional_text, read_values, read_words
from snnfw.config.trust import TrainingFolder, require_confirmed_code, require_confirmed_files
from snnfw.errors import SnnfwError, unknown_name_error
from snnfw.values import Keep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snnfw.registry import Registry

STAGES = ("converter", "search", "exit")
"""What of a method may name Python to run."""

METHOD_KEYS = ("plugin", "recipe", "layers", "neuron", "converter", "search", "exit", "fitting")
"""What makes up a method, and may be its own; everything else is shared, or the numbers could not be compared."""

WITHOUT: Plain = {"search": None, "exit": None}
"""What presets bring and a comparison leaves out unless it is asked for: a score at T is to be one at T."""

ANALOG: Plain = {"layers": [{"match": "*", "neuron": Keep.name}]}
"""A method that is always there, to check with it what all methods share."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison is told beyond what a run is."""

    methods: Annotated[
        tuple[str | dict[str, Any], ...],
        BeforeValidator(as_list),
        Field(description="plugins and neurons by name, or mappings {name, " + ", ".join(METHOD_KEYS) + "}"),
    ]
    checkpoints: Annotated[tuple[int, ...], BeforeValidator(as_list), Field(description="timesteps to compare at")] = (
        1,
        2,
        4,
        8,
        16,
        32,
    )
    retarget: Annotated[
        bool, Field(description="convert anew for each of them; false: read all off one conversion for the last")
    ] = True


OWN_KEYS = tuple(own.name for own in fields(Comparison))
COMPARISON_KEYS = (*OF_A_COMPARISON, *(key for key in KEYS if key not in ("timesteps", "save")))
COMPARE_KEYS = (*COMPARISON_KEYS, "resume")
"""The keys of a comparison: those of all that is computed, and the folder of one that goes on."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method under its label, as a run of the whole length that is scored at every checkpoint."""

    name: str
    config: RunConfig


@dataclass(frozen=True, slots=True)
class CompareConfig:
    """One comparison, completely.

    ``shared`` holds everything but the methods. ``resolved`` is the same configuration as plain values, which
    ``experiment=`` reads from a file. ``words`` are those of the command line, if it was asked for there.
    """

    shared: RunConfig
    methods: tuple[Method, ...]
    checkpoints: tuple[int, ...]
    retarget: bool
    resolved: Mapping[str, Any]
    words: tuple[str, ...] = field(default=(), compare=False)

    def runs(self, method: Method) -> tuple[RunConfig, ...]:
        """Return the runs that a method takes part with: one for each checkpoint, or one for all."""
        if not self.retarget:
            return (method.config,)
        return tuple(replace(method.config, timesteps=step, checkpoints=(step,)) for step in self.checkpoints)


def resolve_comparison(words: Sequence[str], registry: Registry) -> CompareConfig:
    """Return the comparison that ``key=value`` words ask for; files of ``load`` join the registry."""
    said = given_words(words, registry)
    _refuse_timesteps(said)
    require_words(said, COMPARE_KEYS, registry)
    return replace(_resolve(read_words(said, COMPARE_KEYS), registry), words=tuple(said))


def resolve_comparison_mapping(mapping: Mapping[str, Any], registry: Registry) -> CompareConfig:
    """Return the comparison that a mapping asks for; methods in it may be names, mappings or instances."""
    given = given_mapping(mapping, registry)
    _refuse_timesteps(given)
    return _resolve(read_values(given, COMPARE_KEYS), registry)


def _refuse_timesteps(given: Sequence[str] | Mapping[str, Any]) -> None:
    if any(key.partition("=")[0] == "timesteps" for key in given):
        raise SnnfwError("timesteps is not for compare: give all timesteps to compare at, like checkpoints=[1,2,4].")


def _resolve(given: Plain, registry: Registry) -> CompareConfig:
    kept = optional_text(given, "checkpoint")
    if kept is not None and Path(kept).is_file():
        raise SnnfwError(
            f"checkpoint={kept} is a spiking network already: compare methods on the network that it was made of, or "
            "spiking networks with snnfw.compare from Python."
        )
    # The file of a single run may be given: it has timesteps, which the checkpoints replace.
    readable = (*COMPARISON_KEYS, "timesteps", "save")
    sent, file = _read_file(given, registry, readable)
    for name in [*files_to_load(file), *files_to_load(given)]:
        registry.load_file(Path(name))
    folder, given = sent.folder if sent else None, {key: value for key, value in given.items() if key != "resume"}
    comparison = _comparison(registry, {**file, **given})
    length: Plain = {"timesteps": comparison.checkpoints[-1], "checkpoints": list(comparison.checkpoints)}
    common = {**{key: value for key, value in given.items() if key not in OWN_KEYS}, **length}
    neutral = {key: value for key, value in common.items() if key not in METHOD_KEYS}
    shared = resolve_plain({**neutral, **WITHOUT, **ANALOG}, registry, readable, folder)
    if sent:
        require_nothing_new(sent.folder, file, given, registry)
        shared = replace(shared, resume=folder)
    methods = []
    for name, own in label_methods(registry, comparison.methods).items():
        try:
            config = resolve_plain(combine({**WITHOUT, **common}, own), registry, readable, folder)
            if sent:  # a method that a folder brings is data, as all of it is
                require_confirmed_code(sent, {key: getattr(config, key) for key in STAGES}, {})
            _check_prices(config, shared)
        except SnnfwError as error:
            raise SnnfwError(f"method '{name}': {error}") from error
        methods.append(Method(name, config))
    resolved = _plain(shared, methods, comparison)
    return CompareConfig(shared, tuple(methods), comparison.checkpoints, comparison.retarget, resolved)


def _read_file(given: Plain, registry: Registry, keys: Sequence[str]) -> tuple[TrainingFolder | None, Plain]:
    """Return what the file holds that an experiment, or the folder of a comparison that goes on, stands for."""
    asked = resumed_folder(given)
    if asked is None:
        return None, read_named_experiment(given, registry, keys)
    sent = TrainingFolder("resume", find_stopped(asked, "compare"))
    file = read_training(sent, keys)
    require_confirmed_files(sent, [file], [given])
    methods = file["methods"] if isinstance(file["methods"], list) else []
    if recipes := [method["recipe"] for method in methods if isinstance(method, Mapping) and "recipe" in method]:
        raise SnnfwError(f"{sent} names the file {recipes[0]} as a recipe, and a folder is data: begin anew.")
    return sent, file


def _comparison(registry: Registry, values: Plain) -> Comparison:
    """Build what is the comparison's own, the checkpoints sorted and each once."""
    own = {key: values[key] for key in OWN_KEYS if values.get(key) is not None}
    if not own.get("methods"):
        single = values.get("plugin") or (values.get("neuron") or {}).get("name")
        raise SnnfwError(
            f"nothing says which methods to compare: give methods=[{single or 'NAME'}, ...]. {list_methods(registry)}"
        )
    comparison = build_dataclass(Comparison, own, "", "the comparison")
    if not comparison.checkpoints or min(comparison.checkpoints) < 1:
        raise SnnfwError(
            f"checkpoints={format_value(list(comparison.checkpoints))} is not allowed: it must be a list of timesteps, "
            "each at least 1."
        )
    return replace(comparison, checkpoints=tuple(sorted(set(comparison.checkpoints))))


def label_methods(registry: Registry, methods: Sequence[str | Plain]) -> dict[str, Plain]:
    """Return each method's values by its label."""
    labelled: dict[str, Plain] = {}
    for number, method in enumerate(methods):
        own = (
            find_named_method(registry, method)
            if isinstance(method, str)
            else _check_method(method, f"methods[{number}]")
        )
        label = method if isinstance(method, str) else _label(method, own, f"methods[{number}]")
        if label in labelled:
            raise SnnfwError(f"two methods are called '{label}': give one another name, like {{name: mine, ...}}.")
        labelled[label] = own
    return labelled


def _check_method(method: Plain, place: str) -> Plain:
    """Return the values of a method that a mapping gives, its label apart."""
    for key in method:
        if key in KEYS and key not in METHOD_KEYS:
            raise SnnfwError(f"{place} has a '{key}' of its own: methods share it, so give {key}=... beside methods=.")
        if key not in ("name", *METHOD_KEYS):
            raise SnnfwError(f"{place}: {unknown_name_error('key', key, ('name', *METHOD_KEYS), listing='Keys')}")
    return read_values({key: value for key, value in method.items() if key != "name"})


def _label(method: Plain, own: Plain, place: str) -> str:
    """Return the name that a mapping gives itself, or the one of its plugin or neuron."""
    label = method.get("name", own.get("plugin") or (own.get("neuron") or {}).get("name"))
    if not isinstance(label, str) or not label.strip():
        raise SnnfwError(f"{place} has no name: give it one, like {{name: mine, plugin: ...}}.")
    return label


def _check_prices(config: RunConfig, shared: RunConfig) -> None:
    if config.energy != shared.energy:
        raise SnnfwError(
            "its recipe has prices of its own: methods share them, so give energy.KEY=... beside methods=."
        )


def _plain(shared: RunConfig, methods: Sequence[Method], comparison: Comparison) -> Plain:
    written = [
        {
            "name": method.name,
            **{key: method.config.resolved[key] for key in METHOD_KEYS if key in method.config.resolved},
        }
        for method in methods
    ]
    left_out = ("timesteps", "load", *METHOD_KEYS)
    files = [
        file for config in (shared, *(method.config for method in methods)) for file in config.resolved.get("load", ())
    ]
    return {
        "methods": written,
        "checkpoints": list(comparison.checkpoints),
        "retarget": comparison.retarget,
        **{key: value for key, value in shared.resolved.items() if key not in left_out and key not in OWN_KEYS},
        **({"load": list(dict.fromkeys(files))} if files else {}),
    }
