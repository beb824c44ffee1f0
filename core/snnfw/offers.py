"""Find plugins, installed or in a file of their own, and ask each through its hooks what it offers."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from snnfw import hookspecs
from snnfw.errors import SnnfwError, unknown_name_error
from snnfw.kinds import KINDS


def find_entry_points() -> list[metadata.EntryPoint]:
    """Return the entry points of the group, the ones bundled with the framework first, then by name."""
    found = metadata.entry_points(group=hookspecs.PROJECT)
    return sorted(found, key=lambda entry: (entry.dist is None or entry.dist.name != "snnfw", entry.name))


def import_file(path: Path) -> ModuleType:
    """Import a Python file under a name of its own, where pydantic finds the types that its fields name."""
    if not path.is_file():
        raise SnnfwError("there is no such file.")
    name = f"snnfw_loaded_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SnnfwError("a plugin's file name ends in .py.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _implementations(manager: pluggy.PluginManager, plugin: object) -> Iterator[tuple[str, pluggy.HookImpl]]:
    for caller in manager.get_hookcallers(plugin) or ():
        yield from ((caller.name, found) for found in caller.get_hookimpls() if found.plugin is plugin)


def read_offers(manager: pluggy.PluginManager, plugin: object) -> Iterator[tuple[str, Any]]:
    """Ask one plugin for everything that it registers, each thing with its kind."""
    hooks = {f"snnfw_register_{kind}": kind for kind in KINDS}
    for hook, implementation in _implementations(manager, plugin):
        if hook in hooks:
            answer: Any = implementation.function()
            if not isinstance(answer, Iterable):
                raise SnnfwError(f"{hook} returns {answer!r}: it must return a list.")
            yield from ((hooks[hook], offer) for offer in answer)


def check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Refuse a plugin with a misspelt hook, or without any."""
    known = [name for name in vars(hookspecs) if name.startswith("snnfw_")]
    implementations = list(_implementations(manager, plugin))
    for hook, implementation in implementations:
        if hook not in known and not implementation.optionalhook:
            raise unknown_name_error("hook", hook, known, listing="Hooks")
    if not implementations:
        raise SnnfwError("it has no hook: mark its functions with @snnfw.hookimpl.")
