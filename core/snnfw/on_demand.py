"""Import what needs torch when it is first asked for, so that what only describes methods starts at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from snnfw.renamed import new_name


def import_on_demand(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package whose modules hold the names, in words, that it exports.

    An attribute that is not there is an AttributeError, which says its present name where it had another one.
    """
    where = {name: f"{package}.{module}" for module, names in modules.items() for name in names.split()}

    def find(name: str) -> Any:
        if name in where:
            return getattr(import_module(where[name]), name)
        now = new_name(f"{package}.{name}")
        raise AttributeError(f"module '{package}' has no attribute '{name}'" + (f": it is {now} now" if now else ""))

    return find
