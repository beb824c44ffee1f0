"""The commands about plugins: which there are, what they offer, and the beginnings of one."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from rich.text import Text

from snnfw.cli.command import open_registry
from snnfw.config.recipe import plain_preset
from snnfw.config.usage import parameters, rows, section, summary
from snnfw.errors import SnnfwError, unknown_name_error
from snnfw.kinds import KINDS

if TYPE_CHECKING:
    from rich.console import RenderableType

    from snnfw.cli.command import Call
    from snnfw.registry import Registry


def list_all(call: Call) -> int:
    """Print every plugin with what it offers, and every quarantined one with the reason."""
    if call.words:
        raise SnnfwError("'snnfw plugins list' takes no arguments: 'snnfw plugins info NAME' describes one.")
    registry = open_registry()
    call.console.print(section("Plugins", rows((name, _offers(registry, name)) for name in registry.plugins)))
    if registry.quarantined:
        call.console.print(section("Quarantined", rows(registry.quarantined.items())))
    return 0


def info(call: Call) -> int:
    """Print a description of everything that goes by a name."""
    if len(call.words) != 1:
        raise SnnfwError("'snnfw plugins info' takes one name, or a Python file: 'snnfw plugins list' has the names.")
    call.console.print(*_descriptions(*load_registry(call.words[0])))
    return 0


def new(call: Call) -> int:
    """Write the beginnings of a plugin into the current folder."""
    from snnfw.scaffold import BEGINNINGS, new_plugin  # brings in jinja2

    if not call.words:
        raise SnnfwError("'snnfw plugins new' takes the name of what it is to write, like 'snnfw plugins new mine'.")
    name, *words = call.words
    if len(words) > 1 or (words and not words[0].startswith("kind=")):
        raise SnnfwError(
            f"'snnfw plugins new' takes one name and one kind=KIND, and not {' '.join(words)}. "
            f"Kinds: {', '.join(BEGINNINGS)}."
        )
    kind = words[0].removeprefix("kind=") if words else "neuron"
    registry = open_registry()
    kinds = BEGINNINGS[kind].kinds if kind in BEGINNINGS else ()
    taken = {*registry.plugins, *(offer for its in kinds for offer in registry.all(its))}
    call.console.print(f"written: {new_plugin(name, Path.cwd(), taken, kind)}", soft_wrap=True)
    return 0


def load_registry(name: str) -> tuple[Registry, str]:
    """Return the registry and the name to look for in it; a file is loaded and goes by its stem."""
    registry = open_registry()
    if not name.endswith(".py"):
        return registry, name
    registry.load_file(Path(name))
    return registry, Path(name).stem


def _offers(registry: Registry, plugin: str) -> str:
    offers = {
        kind.word: [name for name in registry.all(key) if registry.owner(key, name) == plugin]
        for key, kind in KINDS.items()
    }
    return "; ".join(f"{word} {', '.join(names)}" for word, names in offers.items() if names)


def _descriptions(registry: Registry, name: str) -> list[RenderableType]:
    """Return a description of everything that goes by a name."""
    found = [
        section(
            f"{kind.word} {name} (registered by {registry.owner(key, name)})",
            *_description(registry.find(key, name)),
        )
        for key, kind in KINDS.items()
        if name in registry.all(key)
    ]
    if name in registry.plugins:
        module = Text(inspect.getdoc(registry.plugins[name]) or "")
        found.append(section(f"package {name}", module, Text(f"registers: {_offers(registry, name)}")))
    if not found:
        raise unknown_offer_error(registry, name)
    return found


def _description(offer: Any) -> list[RenderableType]:
    if isinstance(offer, type):
        said = inspect.getdoc(offer) if summary(offer) else ""
        return [Text(f"{said}\n"), parameters(offer)]
    return [Text(f"{offer.summary}\n"), Text(OmegaConf.to_yaml(OmegaConf.create(plain_preset(offer))))]


def unknown_offer_error(registry: Registry, name: str) -> SnnfwError:
    """Return the error for a name that nothing goes by, or nothing that is in use."""
    names = {*registry.plugins, *(known for kind in KINDS for known in registry.all(kind))}
    plugin = next((plugin for (_, method), plugin in registry.withheld.items() if method == name), name)
    if plugin in registry.quarantined:
        return SnnfwError(f"plugin '{plugin}' is quarantined: {registry.quarantined[plugin]}")
    return unknown_name_error("method or plugin", name, names)
