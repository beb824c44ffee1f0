"""Describe what goes by a name: a method, a source, a preset, a plugin; briefly where several do."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from rich.text import Text

from snnfw.config.lookup import KEY_OF
from snnfw.config.recipe import plain_preset
from snnfw.config.usage import ShortRows, parameters, section, summary
from snnfw.errors import SnnfwError, unknown_name_error
from snnfw.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from snnfw.contracts import Preset
    from snnfw.registry import Registry

KINDS_OF_KEYS: Mapping[str, str] = {key: kind for kind, key in KEY_OF.items()}
"""The kind that each key chooses from."""


def describe_name(registry: Registry, name: str) -> list[RenderableType]:
    """Return a description of everything that goes by a name, or by ``KEY.NAME``: in full if that is one thing."""
    key, _, rest = name.partition(".")
    named = [(kind, name) for kind in KINDS if name in registry.all(kind)]
    if not named and rest and rest in registry.all(KINDS_OF_KEYS.get(key, "")):
        named = [(KINDS_OF_KEYS[key], rest)]
    full = len(named) + (name in registry.plugins) == 1
    found = [_section(registry, kind, its, full) for kind, its in named]
    if name in registry.plugins:
        module = inspect.getdoc(registry.plugins[name]) or ""
        told = Text(module if full else module.partition("\n")[0])
        found.append(section(f"package {name}", told, Text(f"registers: {describe_offers(registry, name)}")))
    if not found:
        raise unknown_offer_error(registry, name)
    if not full:
        deeper = " or ".join(f"{KEY_OF[kind]}.{its}" for kind, its in named)
        found.append(Text(f"All of one: {deeper}."))
    return found


def list_kind(registry: Registry, key: str) -> RenderableType:
    """Return every name that a key chooses from, with a line on each."""
    kind = KINDS_OF_KEYS[key]
    offers = sorted(registry.all(kind).items())
    return section(f"{key}=NAME, a {KINDS[kind].word}", ShortRows([(name, summary(offer)) for name, offer in offers]))


def describe_offers(registry: Registry, plugin: str) -> str:
    """Return what a plugin registers, by kind."""
    offers = {
        kind.word: [name for name in registry.all(key) if registry.owner(key, name) == plugin]
        for key, kind in KINDS.items()
    }
    return "; ".join(f"{word} {', '.join(names)}" for word, names in offers.items() if names)


def unknown_offer_error(registry: Registry, name: str) -> SnnfwError:
    """Return the error for a name that nothing goes by, or nothing that is in use."""
    names = {*registry.plugins, *(known for kind in KINDS for known in registry.all(kind))}
    plugin = next((plugin for (_, method), plugin in registry.withheld.items() if method == name), name)
    if plugin in registry.quarantined:
        return SnnfwError(f"plugin '{plugin}' is quarantined: {registry.quarantined[plugin]}")
    return unknown_name_error("method or plugin", name, names)


def _section(registry: Registry, kind: str, name: str, full: bool) -> RenderableType:
    offer = registry.find(kind, name)
    title = f"{KINDS[kind].word} {name} (registered by {registry.owner(kind, name)})"
    return section(title, *(_in_full(offer, KEY_OF[kind]) if full else _in_brief(offer, KEY_OF[kind])))


def _in_full(offer: Any, key: str) -> list[RenderableType]:
    if isinstance(offer, type):
        said = inspect.getdoc(offer) if summary(offer) else ""
        return [Text(f"{said}\n"), parameters(offer, prefix=f"{key}.")]
    return [Text(f"{offer.summary}\n"), Text(OmegaConf.to_yaml(OmegaConf.create(plain_preset(offer))).rstrip())]


def _in_brief(offer: Any, key: str) -> list[RenderableType]:
    if isinstance(offer, type):
        return [Text(summary(offer)), parameters(offer, prefix=f"{key}.", brief=True)]
    return [Text(offer.summary), Text(", ".join(_stages(offer)))]


def _stages(preset: Preset) -> Iterator[str]:
    """Yield the words that a preset stands for, parameters apart."""
    plain = plain_preset(preset)
    for key in ("neuron", "converter", "search", "exit"):
        if plain.get(key):
            yield f"{key}={plain[key]['name']}"
    if preset.timesteps is not None:
        yield f"timesteps={preset.timesteps}"
