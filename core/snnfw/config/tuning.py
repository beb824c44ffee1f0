"""What a search for the cheapest method is told: the network and its data as a run has them, and what is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field

from snnfw.config.comparison import ANALOG, METHOD_KEYS, WITHOUT, label_methods
from snnfw.config.experiments import read_named_experiment
from snnfw.config.fields import as_plain, build_dataclass, format_value
from snnfw.config.given import given_words
from snnfw.config.hints import require_words
from snnfw.config.resolution import resolve_plain
from snnfw.config.schema import KEYS, MethodConfig, RunConfig, as_list
from snnfw.config.sources import Plain, combine, files_to_load, read_values, read_words
from snnfw.errors import SnnfwError
from snnfw.values import Keep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from snnfw.contracts import ExitPolicy, Preset, Search
    from snnfw.registry import Registry

MORE = 4
"""Times as many calibration samples as a task takes by itself, where nobody says how many: some are held out."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted, and how hard it is looked for."""

    drop: Annotated[
        float, Field(ge=0, le=100, description="points of the headline metric that may be lost against the network")
    ] = 0.5
    minimise: Annotated[
        Literal["energy", "timesteps", "spikes"], Field(description="what is to be as small as possible")
    ] = "energy"
    confidence: Annotated[
        float, Field(ge=0.5, lt=1, description="how sure it has to be, on held-out samples, that no more is lost")
    ] = 0.75
    methods: Annotated[
        tuple[str | dict[str, Any], ...] | None,
        BeforeValidator(as_list),
        Field(description="plugins and neurons to choose from, as for compare; without it, all for trained networks"),
    ] = None
    timesteps: Annotated[
        tuple[int, ...], BeforeValidator(as_list), Field(description="timesteps to try; others near the best follow")
    ] = (1, 2, 4, 8, 16, 32)
    validate: Annotated[
        float, Field(gt=0, lt=1, description="share of the calibration samples that confirm what the others picked")
    ] = 0.5
    rounds: Annotated[int, Field(ge=0, description="most rounds of variants of the best methods")] = 4
    trials: Annotated[int, Field(ge=1, description="most candidates in all")] = 240

    def __post_init__(self) -> None:
        """Refuse timesteps that are none."""
        if not self.timesteps or min(self.timesteps) < 1:
            raise ValueError("timesteps must be a list of numbers, each at least 1")


OWN_KEYS = tuple(own.name for own in fields(Aim))
WITHOUT_EFFECT = ("checkpoints", "checkpoint", "settled", "devices", "nodes", "resume", *METHOD_KEYS)
"""What a run is told and a search has no use for: it brings the methods, and goes on where it was by itself."""

TUNING_KEYS = (*OWN_KEYS, *(key for key in KEYS if key not in (*OWN_KEYS, *WITHOUT_EFFECT)))


@dataclass(frozen=True, slots=True)
class NamedConfig:
    """A method under its name, and the search and the exit that its paper combines it with, as far as it has them."""

    name: str
    config: MethodConfig
    stages: Mapping[str, Search | ExitPolicy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TuneConfig:
    """One search, completely: everything but the methods (``shared``), these, and how variants of them are resolved.

    ``left_out`` says of methods that nobody named why they are not tried.
    """

    shared: RunConfig
    aim: Aim
    methods: tuple[NamedConfig, ...]
    exits: tuple[ExitPolicy, ...]
    left_out: Mapping[str, str]
    configure: Callable[[Mapping[str, Any]], RunConfig] = field(compare=False, repr=False)
    resolved: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = field(default=(), compare=False)


def resolve_tuning(words: Sequence[str], registry: Registry) -> TuneConfig:
    """Return the search that ``key=value`` words ask for; files of ``load`` join the registry."""
    said = given_words(words, registry)
    require_words(said, TUNING_KEYS, registry)
    return replace(_resolve(read_words(said, TUNING_KEYS), registry), words=tuple(said))


def _resolve(given: Plain, registry: Registry) -> TuneConfig:
    readable = (*TUNING_KEYS, *WITHOUT_EFFECT)  # the file of a run may be given
    file = read_named_experiment(given, registry, readable)
    for name in [*files_to_load(file), *files_to_load(given)]:
        registry.load_file(Path(name))
    own = {key: value for key, value in {**file, **given}.items() if key in OWN_KEYS and value is not None}
    if not isinstance(own.get("timesteps", []), list):
        own = own if "timesteps" in given else {key: value for key, value in own.items() if key != "timesteps"}
    aim = build_dataclass(Aim, own, "", "the search")
    common = {key: value for key, value in given.items() if key not in OWN_KEYS}

    def configure(method: Mapping[str, Any]) -> RunConfig:
        return resolve_plain(combine({**WITHOUT, **common}, dict(method)), registry, readable)

    first = {"timesteps": aim.timesteps[0], "checkpoints": [aim.timesteps[0]]}
    shared = configure({**ANALOG, **first})
    more = more_calibration(shared, {**file, **given})
    if more:
        common = combine(common, more)
        shared = configure({**ANALOG, **first})
    methods, left_out = choose_methods(registry, aim, configure)
    resolved = {
        **{key: value for key, value in shared.resolved.items() if key not in (*METHOD_KEYS, "checkpoints")},
        **as_plain(aim),
    }
    return TuneConfig(shared, aim, methods, usual_exits(registry), left_out, configure, resolved)


def more_calibration(shared: RunConfig, said: Plain) -> Plain:
    """Return the task's option that asks for more calibration samples, where it has one and nobody said how many."""
    own = next((option for option in fields(cast("Any", shared.task)) if option.name == "calibration"), None)
    if own is None or not isinstance(own.default, int) or "calibration" in (said.get("task") or {}):
        return {}
    return {"task": {"name": shared.task.name, "calibration": MORE * own.default}}


def choose_methods(
    registry: Registry, aim: Aim, configure: Callable[[Mapping[str, Any]], Any]
) -> tuple[tuple[NamedConfig, ...], Mapping[str, str]]:
    """Return the methods to try, and why others are left out; one that was asked for and is none is an error."""
    first = {"timesteps": aim.timesteps[0], "checkpoints": [aim.timesteps[0]]}
    found: list[NamedConfig] = []
    left_out: dict[str, str] = {}
    if aim.methods is None:
        asked = {name: read_values({"plugin": name}) for name in registry.presets}
    else:
        asked = label_methods(registry, aim.methods)
    for name, own in asked.items():
        preset = registry.presets.get(own.get("plugin") or "")
        if aim.methods is None and preset is not None:
            if preset.trained:
                left_out[name] = "it is for networks that are trained with it"
                continue
            if all(isinstance(rule.neuron, Keep) for rule in preset.layers):
                left_out[name] = "it places no neuron"
                continue
        try:
            found.append(NamedConfig(name, configure({**own, **first}), own_stages(preset)))
        except SnnfwError as error:
            if aim.methods is not None:
                raise SnnfwError(f"method '{name}': {error}") from error
            left_out[name] = str(error)
    if not found:
        raise SnnfwError(f"there is no method to choose from. Left out: {format_value(left_out)}.")
    return tuple(found), left_out


def own_stages(preset: Preset | None) -> dict[str, Search | ExitPolicy]:
    """Return the search and the exit of a preset, as far as it has them."""
    stages = {"search": preset.search, "exit": preset.exit} if preset else {}
    return {key: stage for key, stage in stages.items() if stage}


def usual_exits(registry: Registry) -> tuple[ExitPolicy, ...]:
    """Return every exit policy that needs no parameter, with its defaults."""
    found = []
    for policy in registry.all("exit_policies").values():
        try:
            found.append(policy())
        except TypeError:  # it has a parameter without a default
            continue
    return tuple(found)
