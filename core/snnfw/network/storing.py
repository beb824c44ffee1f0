"""Keep a spiking network in a file and open it again: ``snnfw.load``, ``save``, pickles and copies."""

from __future__ import annotations

from pathlib import Path

from snnfw.archive.files import read_network
from snnfw.errors import wrong_kind_error
from snnfw.network.network import SpikingNetwork, from_archive
from snnfw.registry import Registry


def load(path: str | Path, *, registry: Registry | None = None) -> SpikingNetwork:
    """Return the spiking network of a file, on the CPU; nothing in it is executed, and ``net``'s code is not needed.

    Args:
        path: the file that ``SpikingNetwork.save`` or ``snnfw run`` wrote.
        registry: the plugins that its neurons come from; without it, those that are installed.

    Raises:
        SnnfwError: it cannot be read, is damaged or was changed, is of a newer version, or needs a plugin that is not
            here.

    """
    if not isinstance(path, str | Path):
        raise wrong_kind_error("what to load", path, "the path of a file")
    return from_archive(read_network(Path(path), registry))
