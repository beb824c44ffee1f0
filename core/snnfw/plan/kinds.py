"""Classify one operator by what it does to streams that vary in time."""

from __future__ import annotations

import operator as python
from collections.abc import Set
from enum import StrEnum
from typing import Any

from torch import Tensor, fx

from snnfw.capture.sites import ACTIVATIONS, aten, packet
from snnfw.plan import operators as table


class Kind(StrEnum):
    """What becomes of an operator."""

    INPUT = "input"
    CONSTANT = "constant"
    SIZE = "size"
    STATIC = "static"
    SPIKING = "spiking"
    LINEAR = "linear"
    MAXIMUM = "maximum"
    ANALOG = "analog"
    READOUT = "readout"
    OUTPUT = "output"


def kind_over_time(node: fx.Node, varying: Set[fx.Node]) -> Kind | None:
    """Return the kind of an operator that reads streams; None where no rule makes it right.

    ``varying`` holds the nodes whose values vary in time. A stream of integers or booleans is a choice: it holds the
    choice for the mean input so far, not something that adds up.
    """
    operator = packet(node)
    streams = [read for read in node.all_input_nodes if read in varying]
    if operator in table.CHOICES or (operator in table.KNOWN and _is_about_choices(node, streams)):
        chosen = all(_is_choice(stream.meta.get("val")) for stream in (node, *streams))
        return Kind.LINEAR if chosen or operator is python.getitem else Kind.ANALOG
    if operator in table.MOVES | table.SUMS | table.AVERAGES | table.WEIGHTED_SUMS | table.SHAPES_ONLY:
        return Kind.LINEAR
    if operator in table.PRODUCTS:
        return Kind.LINEAR if _operands(node, varying) == 1 else Kind.ANALOG
    if operator in table.QUOTIENTS:
        exact = streams == [node.args[0]] and not node.kwargs.get("rounding_mode")
        return Kind.LINEAR if exact else Kind.ANALOG
    if operator in table.INDEXING:
        first = node.args[1] if operator is aten.where else node.args[0]
        others = [read for read in streams if read is not first]
        linear_where = operator is aten.where and node.args[0] not in varying
        return Kind.LINEAR if not others or linear_where else None
    if operator in table.MAXIMA:
        if len(streams) == 1 and not (operator is aten.max and _compares(node)):
            return Kind.MAXIMUM
        return Kind.ANALOG
    if operator in table.ANALOG or operator in ACTIVATIONS:
        return Kind.ANALOG
    return None


def carries_events(node: fx.Node, varying: Set[fx.Node], events: Set[fx.Node]) -> bool:
    """Tell whether a stream is made of events: spikes moved, added, pooled or scaled by a constant.

    ``events`` holds the nodes already known to carry events. A current, the output of a layer, does not: the layer
    after it has to multiply.
    """
    operator = packet(node)
    tensors = [read for read in node.all_input_nodes if _is_tensor(read)]
    if operator in table.MOVES | table.AVERAGES | table.SUMS | table.MAXIMA:
        return bool(tensors) and all(read in events for read in tensors) and not _adds_constant(node)
    if operator in (aten.index, aten.index_select, aten.gather, aten.take_along_dim):
        return node.args[0] in events and not any(read in varying for read in tensors if read is not node.args[0])
    if table.scales(node):
        streams = [read for read in tensors if read in varying]
        return len(streams) == 1 and streams[0] in events
    return False


def _is_about_choices(node: fx.Node, streams: list[fx.Node]) -> bool:
    """Tell whether integers or booleans that vary in time go in, or come out alone."""
    return any(map(_holds_choice, (stream.meta.get("val") for stream in streams))) or _is_choice(node.meta.get("val"))


def _holds_choice(value: Any) -> bool:
    parts = value if isinstance(value, tuple | list) else [value]
    return any(_is_choice(part) for part in parts)


def _is_choice(value: Any) -> bool:
    return isinstance(value, Tensor) and not (value.is_floating_point() or value.is_complex())


def _is_tensor(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return hasattr(value, "shape") or isinstance(value, tuple | list)


def _adds_constant(node: fx.Node) -> bool:
    """Tell whether a number other than zero is added or padded, which is a current and no event."""
    operator = packet(node)
    if operator in (aten.add, aten.sub, aten.rsub):
        return any(isinstance(arg, int | float) and arg != 0 for arg in node.args[:2])
    if operator in (aten.constant_pad_nd, aten.pad):
        return any(isinstance(arg, int | float) and arg != 0 for arg in node.args[2:])
    return False


def _operands(node: fx.Node, varying: Set[fx.Node]) -> int:
    """Count the factors that vary; x · x has two, and a bias that varies counts as a second one."""
    args = list(node.args) + list(node.kwargs.values())
    flat: list[object] = []
    for arg in args:
        flat.extend(arg if isinstance(arg, list | tuple) else [arg])
    return sum(isinstance(arg, fx.Node) and arg in varying for arg in flat)


def _compares(node: fx.Node) -> bool:
    return len(node.args) > 1 and isinstance(node.args[1], fx.Node)
