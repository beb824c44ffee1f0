"""The commands that take the file of a spiking network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from snnfw.cli.command import Call


def show(call: Call) -> int:
    """Print what a file holds."""
    if len(call.words) != 1:
        raise SnnfwError("'snnfw show' takes one file, such as net.snn in the folder of a run.")
    from snnfw.archive.show import show_network

    show_network(Path(call.words[0]), call.console)
    return 0


def export(call: Call) -> int:
    """Export the network of a file and say what was compared."""
    words = call.words
    given = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    if not words or "=" in words[0] or len(given) != len(words) - 1 or not given.keys() <= {"format", "out"}:
        raise SnnfwError(
            f"'{' '.join(('snnfw export', *words))}' is not how it goes: snnfw export NET.snn format=onnx|torch|nir "
            "out=FILE, where one of the two is enough."
        )
    from snnfw.network.exporting import export_file  # brings in torch

    exported = export_file(Path(words[0]), Path(given["out"]) if "out" in given else None, given.get("format"))
    call.console.print(Text(f"{exported}\nwritten: {', '.join(map(str, exported.files))}"), soft_wrap=True)
    return 0
