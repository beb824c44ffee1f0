"""Take what a program hands over: plain values, with methods by name, as mappings or as instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, get_args, get_type_hints

from snnfw.config.recipe import plain_rule
from snnfw.contracts import Preset
from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.kinds import KINDS
from snnfw.planning.rules import Rule
from snnfw.registry import Registry
from snnfw.training.settings import TrainerSettings
from snnfw.values import Keep

NAMELESS = (TrainerSettings,)
"""What is no method and yet may be given as an instance."""

WANTED = "a name, plain values, or an instance of a class that a plugin registers"
OWN_NETWORK = (
    "the name of a function that returns it, model='package.module:function', or '__main__:function' for one of the "
    "program itself"
)


def given_words(given: object, registry: object) -> list[str]:
    """Return a program's words, refusing what only looks like them."""
    _require_registry(registry)
    if not isinstance(given, list | tuple) or not all(isinstance(word, str) for word in given):
        raise wrong_kind_error(
            "what to resolve", given, "a list of words like ['task=classification'], or resolve_mapping(...)"
        )
    return list(given)


def given_mapping(given: object, registry: object) -> dict[str, Any]:
    """Return a program's mapping as a file would hold it."""
    registry = _require_registry(registry)
    if not isinstance(given, Mapping):
        raise wrong_kind_error(
            "what to resolve", given, "a mapping like {'task': 'classification'}, or words to resolve(...)"
        )
    return {str(key): _plain(value, str(key), registry) for key, value in given.items()}


def _require_registry(given: object) -> Registry:
    if not isinstance(given, Registry):
        raise wrong_kind_error("what methods are looked up in", given, "a snnfw.Registry()")
    return given


def _plain(value: Any, place: str, registry: Registry) -> Any:
    """Return a value as a file would hold it; ``place`` is where it stands."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(entry, f"{place}.{key}", registry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, f"{place}[{at}]", registry) for at, entry in enumerate(value)]
    if isinstance(value, Path):
        return str(value)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):  # a number of numpy's or torch's
        return value.item()
    if isinstance(value, Real):
        return int(value) if isinstance(value, Integral) else float(value)
    return _method(value, place, registry)


def _method(value: Any, place: str, registry: Registry) -> Any:
    if isinstance(value, Preset):
        if value not in registry.presets.values():
            raise SnnfwError(f"{place} is a preset that no plugin registers: give its layers and converter themselves.")
        return value.name
    if isinstance(value, Rule):
        return {**plain_rule(value, named=False), "neuron": _plain(value.neuron, f"{place}.neuron", registry)}
    if (
        not is_dataclass(value)
        or isinstance(value, type)
        or not (hasattr(value, "name") or isinstance(value, NAMELESS))
    ):
        raise wrong_kind_error(place, value, OWN_NETWORK if place == "model" else WANTED)
    name: str | None = getattr(value, "name", None)
    if not (isinstance(value, (Keep, *NAMELESS)) or _is_registered(value, registry)):
        raise SnnfwError(
            f"{place} is an instance of {type(value).__name__}, which no plugin registers as '{name}': hand "
            "Registry(plugins=[...]) one that does, so that the run can be had again from its file."
        )
    return {**({"name": name} if name else {}), **_own(value, place, registry)}


def _own(value: Any, place: str, registry: Registry) -> dict[str, Any]:
    """Return a method's parameters; one whose kind its field fixes is its parameters alone, without a name."""
    hints = get_type_hints(type(value))
    found = {}
    for each in fields(value):
        parameter, at = getattr(value, each.name), f"{place}.{each.name}"
        hint = hints[each.name]
        fixed = is_dataclass(parameter) and type(parameter) in (hint, *get_args(hint))  # or None, say
        found[each.name] = _own(parameter, at, registry) if fixed else _plain(parameter, at, registry)
    return found


def _is_registered(method: Any, registry: Registry) -> bool:
    return any(registry.all(kind).get(method.name) is type(method) for kind in KINDS)
