"""Write what operators are called with as JSON, and read it back: each kind of value under a name of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx

from snnfw.errors import SnnfwError

NAMED: Mapping[type, Mapping[str, Any]] = {
    kind: {name: value for name in dir(torch) if isinstance(value := getattr(torch, name), kind)}
    for kind in (torch.dtype, torch.layout, torch.memory_format)
}
"""Torch's constants by kind and name."""

TAGS = {torch.dtype: "dtype", torch.layout: "layout", torch.memory_format: "memory_format"}


def encode(value: Any) -> Any:
    """Return a value as JSON can hold it exactly; devices become the CPU, where what is stored is stored.

    Raises:
        SnnfwError: there is no way to write a value of its kind.

    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, list | tuple):
        tag = "tuple" if isinstance(value, tuple) else "list"
        return {tag: [encode(item) for item in value]}
    if isinstance(value, slice):
        return {"slice": [encode(part) for part in (value.start, value.stop, value.step)]}
    if isinstance(value, fx.Node):
        return {"node": value.name}
    if isinstance(value, torch.device):
        return {"device": "cpu"}
    for kind, tag in TAGS.items():
        if isinstance(value, kind):
            return {tag: str(value).removeprefix("torch.")}
    if value is Ellipsis:
        return {"ellipsis": True}
    raise SnnfwError(f"an operator's argument of kind {type(value).__name__} cannot be saved.")


def decode(written: Any, nodes: Mapping[str, fx.Node]) -> Any:
    """Return the value of what ``encode`` wrote; ``nodes`` are those that may be read."""
    if written is None or isinstance(written, bool | int | str):
        return written
    if not isinstance(written, dict) or len(written) != 1:
        raise SnnfwError(f"{str(written)[:80]!r} is no argument of an operator.")
    ((tag, inside),) = written.items()
    read = READERS.get(tag)
    if read is None:
        raise SnnfwError(f"an argument of kind '{str(tag)[:40]}' is not known.")
    return read(inside, nodes)


def _items(inside: Any, nodes: Mapping[str, fx.Node]) -> list[Any]:
    return [decode(item, nodes) for item in inside]


READERS: Mapping[str, Callable[[Any, Mapping[str, fx.Node]], Any]] = {
    "float": lambda inside, _: float.fromhex(inside),
    "list": _items,
    "tuple": lambda inside, nodes: tuple(_items(inside, nodes)),
    "slice": lambda inside, nodes: slice(*_items(inside, nodes)),
    "node": lambda inside, nodes: nodes[inside],
    "device": lambda inside, _: torch.device({"cpu": "cpu"}[inside]),
    "ellipsis": lambda _, __: Ellipsis,
    "dtype": lambda inside, _: NAMED[torch.dtype][inside],
    "layout": lambda inside, _: NAMED[torch.layout][inside],
    "memory_format": lambda inside, _: NAMED[torch.memory_format][inside],
}
