"""The commands about plugins: which there are, what they offer, and the beginnings of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from snnfw.cli.command import open_registry
from snnfw.cli.describing import describe_name, describe_offers
from snnfw.config.usage import rows, section
from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from snnfw.cli.command import Call
    from snnfw.registry import Registry


def list_all(call: Call) -> int:
    """Print every plugin with what it offers, and every quarantined one with the reason."""
    if call.words:
        raise SnnfwError("'snnfw plugins list' takes no arguments: 'snnfw plugins info NAME' describes one.")
    registry = open_registry()
    call.console.print(section("Plugins", rows((name, describe_offers(registry, name)) for name in registry.plugins)))
    if registry.quarantined:
        call.console.print(section("Quarantined", rows(registry.quarantined.items())))
    return 0


def info(call: Call) -> int:
    """Print a description of everything that goes by a name."""
    if len(call.words) != 1:
        raise SnnfwError("'snnfw plugins info' takes one name, or a Python file: 'snnfw plugins list' has the names.")
    call.console.print(*describe_name(*load_registry(call.words[0])))
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
