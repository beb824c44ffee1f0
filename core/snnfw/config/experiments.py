"""Find the experiment that a user names: a file of their own, or one that a plugin ships beside its module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from snnfw.config.sources import Plain, optional_text, read_experiment
from snnfw.errors import SnnfwError, unknown_name_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snnfw.registry import Registry


OWN = ("about", "published", "measured", "metric", "prepare", "retarget", "grid")
"""What an experiment file says of itself and of a paper, which no run reads: see ``snnfw.config.published``."""


def read_named_experiment(given: Plain, registry: Registry, keys: Sequence[str]) -> Plain:
    """Return the content of the file that ``experiment`` names, or nothing; it may hold ``keys`` and a ``trainer``."""
    named = optional_text(given, "experiment")
    if named is None:
        return {}
    read = read_experiment(find_experiment(named, registry), tuple(dict.fromkeys((*keys, "trainer", *OWN))))
    if "grid" in read and set(read) <= set(OWN):
        raise SnnfwError(
            f"experiment={named} is a table whose rows are experiments of their own: 'snnfw reproduce {named}' runs "
            "them."
        )
    return {key: value for key, value in read.items() if key in keys or key not in OWN}


def find_experiment(named: str, registry: Registry) -> Path:
    """Return the file at a path, or else the one that ``plugin/name`` stands for."""
    path = Path(named)
    plugin, _, name = named.partition("/")
    if path.is_file() or path.suffix or len(path.parts) != 2 or path.is_absolute():
        return path
    if plugin in registry.quarantined:
        raise SnnfwError(f"experiment={named}: plugin '{plugin}' is quarantined: {registry.quarantined[plugin]}")
    shipped = shipped_experiments(registry.plugins.get(plugin))
    if not shipped:
        shipping = (name for name, module in registry.plugins.items() if shipped_experiments(module))
        raise SnnfwError(
            f"experiment={named} does not work: there is no such file, and no plugin '{plugin}' that ships "
            f"experiments. Plugins that do: {', '.join(sorted(shipping)) or 'none'}."
        )
    if name not in shipped:
        raise unknown_name_error(f"experiment of plugin '{plugin}'", name, shipped, listing="Shipped")
    return shipped[name]


def shipped_experiments(plugin: object) -> dict[str, Path]:
    """Return the files in the folder ``experiments`` beside a plugin's module, by name."""
    file = getattr(plugin, "__file__", None)
    folder = Path(file).parent / "experiments" if file else None
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))} if folder else {}
