"""The kinds of things that plugins register, and what each must be to be taken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import MappingProxyType
from typing import Any, cast

from snnfw import contracts
from snnfw.contracts.sources import lacking_error, source_contract
from snnfw.errors import SnnfwError
from snnfw.values import Keep


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that plugins register: what a user calls it, and the contract it fulfils."""

    word: str
    contract: type


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "neurons": Kind("neuron", contracts.Neuron),
        "converters": Kind("converter", contracts.Converter),
        "searches": Kind("search", contracts.Search),
        "exit_policies": Kind("exit policy", contracts.ExitPolicy),
        "energy_models": Kind("energy model", contracts.EnergyModel),
        "launchers": Kind("launcher", contracts.Launcher),
        "tasks": Kind("task", contracts.Task),
        "models": Kind("model", contracts.ModelSource),
        "data": Kind("data set", contracts.DataSource),
        "trackers": Kind("tracker", contracts.Tracker),
        "presets": Kind("plugin", contracts.Preset),
    }
)
"""Every kind, by the ending of its hook ``snnfw_register_<kind>``."""

SOURCES: Mapping[str, str] = MappingProxyType({"models": "model", "data": "data"})
"""The kinds that serve tasks, each with the key that chooses one."""


def offer_name(offer: object) -> str:
    """Return the name that an offer registers, empty where it has none."""
    name = getattr(offer, "name", None)
    return name if isinstance(name, str) else ""


def require_offer(kind: str, offer: Any, tasks: Mapping[str, Any]) -> None:
    """Refuse what does not fulfil the contract of its kind, or lacks what one of the ``tasks`` it serves asks for."""
    _require_form(kind, offer)
    word, name = KINDS[kind].word, offer.name
    if kind != "presets" and (lack := lacking_error(offer, word, KINDS[kind].contract)):
        raise lack
    if not re.fullmatch(r"[\w.-]+", name) or (kind, name) == ("neurons", Keep.name):
        raise SnnfwError(f"{word} '{name}' needs another name: letters, digits, '_', '-' and '.', and not 'keep'.")
    if kind == "tasks":
        _require_protocols(offer)
    if kind in SOURCES:
        _require_service(kind, offer, tasks)


def _require_form(kind: str, offer: Any) -> None:
    """Refuse what is no preset, or no frozen dataclass with a name."""
    called = getattr(offer, "__name__", repr(offer))
    if kind == "presets":
        if not isinstance(offer, contracts.Preset):
            raise SnnfwError(f"{called} is not a preset: snnfw_register_presets returns instances of Preset.")
    elif not isinstance(offer, type) or not is_dataclass(offer) or not cast("Any", offer).__dataclass_params__.frozen:
        raise SnnfwError(f"{called} is not a frozen dataclass: decorate the class with @dataclass(frozen=True).")
    elif "name" in (field.name for field in fields(offer)):
        raise SnnfwError(f"{called} has no name: give the class 'name: ClassVar[str] = ...'.")
    if not offer_name(offer):
        raise SnnfwError(f"{called} has no name: give the class 'name: ClassVar[str] = ...'.")


def _require_protocols(task: Any) -> None:
    """Refuse a task that asks for sources of what is no class."""
    for key in SOURCES.values():
        if not isinstance(contract := source_contract(task, key), type):
            raise SnnfwError(
                f"task '{task.name}' has {key}_source = {contract!r}: give a protocol, a class whose methods its "
                "sources must have."
            )


def _require_service(kind: str, source: Any, tasks: Mapping[str, Any]) -> None:
    """Refuse a model or a data set that lacks what the tasks it names ask for, as far as they are known."""
    word = KINDS[kind].word
    if not isinstance(source.tasks, tuple | list):
        raise SnnfwError(
            f"{word} '{source.name}' has tasks = {source.tasks!r}: give a tuple of names, such as ('classification',), "
            "or () for any."
        )
    for name in source.tasks:
        if name in tasks and (lack := lacking_error(source, word, source_contract(tasks[name], SOURCES[kind]), name)):
            raise lack
