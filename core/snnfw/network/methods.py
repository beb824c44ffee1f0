"""From the arguments of ``snnfw.convert`` to the same configuration that the command line reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snnfw.config.named import find_named_method
from snnfw.config.resolution import resolve_method
from snnfw.config.schema import RECIPE_KEYS, MethodConfig
from snnfw.contracts import Preset
from snnfw.errors import SnnfwError, unknown_name_error, wrong_kind_error
from snnfw.planning.rules import Rule
from snnfw.registry import Registry

METHOD = "the name of a preset or a neuron, a neuron such as AdaFire(phi=2), or a list of rules"


def read_method(method: Any, recipe: Any, given: Mapping[str, Any], registry: Registry) -> MethodConfig:
    """Return the configuration of a method, of a recipe's path or mapping, and of what is ``given`` beside both."""
    return resolve_method({**_recipe(recipe), **_method(method, registry), **_said(given)}, registry)


def _said(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was said; False takes away what a preset brings, as null does in a file."""
    stages = ("search", "exit")
    return {
        key: None if key in stages and value is False else value for key, value in given.items() if value is not None
    }


def _method(method: Any, registry: Registry) -> dict[str, Any]:
    if method is None:
        return {}
    if isinstance(method, str):
        return dict(find_named_method(registry, method))
    if isinstance(method, Preset):
        return {"plugin": method}
    if isinstance(method, Rule):
        return {"layers": [method]}
    if isinstance(method, list | tuple):
        return {"layers": list(method)}
    if isinstance(method, type):
        raise SnnfwError(f"method is the class {method.__name__}: give an instance of it, {method.__name__}().")
    if isinstance(method, Mapping) or hasattr(method, "name"):
        return {"neuron": method}
    raise wrong_kind_error("method", method, METHOD)


def _recipe(recipe: Any) -> dict[str, Any]:
    if recipe is None:
        return {}
    if isinstance(recipe, str | Path):
        return {"recipe": str(recipe)}
    if not isinstance(recipe, Mapping):
        raise wrong_kind_error("recipe", recipe, "the path of a recipe, or a mapping with 'layers'")
    for key in recipe:
        if key not in RECIPE_KEYS:
            raise unknown_name_error("key", str(key), RECIPE_KEYS, listing="Keys of a recipe")
    return dict(recipe)
