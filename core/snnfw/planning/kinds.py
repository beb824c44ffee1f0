"""Classify one operator by what it does to streams that vary in time."""

from __future__ import annotations

import operator as python
from collections.abc import Sequence, Set
from enum import StrEnum
from typing import Any

from torch import Tensor, fx

from snnfw.capture.sites import ACTIVATIONS, aten, overload_packet
from snnfw.planning import operators as table


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
    operator = overload_packet(node)
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
        if node.kwargs.get("reduce") is not None:
            return Kind.ANALOG
        choosers = index_operands(node)
        return None if any(stream in choosers for stream in streams) else Kind.LINEAR
    if operator in table.MAXIMA:
        if len(streams) == 1 and not (operator is aten.max and _compares(node)):
            return Kind.MAXIMUM
        return Kind.ANALOG
    if operator in table.ANALOG or operator in ACTIVATIONS:
        return Kind.ANALOG
    return None


def carries_events(node: fx.Node, varying: Set[fx.Node], events: Set[fx.Node], silent: Set[fx.Node]) -> bool:
    """Tell whether a stream is made of events: spikes moved, added, pooled or scaled by a constant.

    ``events`` holds the nodes already known to carry events, ``silent`` those that hold zeros alone. A current, the
    output of a layer, does not: the layer after it has to multiply.
    """
    if kind_over_time(node, varying) not in (Kind.LINEAR, Kind.MAXIMUM):
        return False
    operator = overload_packet(node)
    tensors = [read for read in node.all_input_nodes if _is_tensor(read)]
    if table.is_scaling(node):
        return any(read in events for read in tensors)  # it is linear: one factor varies
    if operator in table.MOVING_INDEXING:
        tensors = [read for read in tensors if read not in index_operands(node)]
    elif operator in table.MOVES:
        tensors = [read for read in moved_values(node) if _is_tensor(read)]
    elif operator not in table.AVERAGES | table.SUMS | table.MAXIMA:
        return False
    carried = any(read in events for read in tensors) and all(read in events or read in silent for read in tensors)
    return carried and not adds_constant(node)


def moved_values(node: fx.Node) -> list[fx.Node]:
    """Return the values that a move moves, without those that it reads for their kind and size alone."""
    place = table.READ_FOR_SHAPE.get(overload_packet(node))
    return [read for read in node.all_input_nodes if place is None or read is not node.args[place]]


def index_operands(node: fx.Node) -> list[fx.Node]:
    """Return the indices, or the mask, that an operator of ``INDEXING`` chooses by."""
    places = table.CHOOSING[overload_packet(node)]
    return [read for place in places for read in _nodes(node.args[place] if place < len(node.args) else None)]


def _nodes(argument: Any) -> list[fx.Node]:
    items = argument if isinstance(argument, list | tuple) else [argument]
    return [item for item in items if isinstance(item, fx.Node)]


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


def adds_constant(node: fx.Node) -> bool:
    """Tell whether a number other than zero is added, padded or filled in, which is a current and no event."""
    operator = overload_packet(node)
    if operator in (aten.add, aten.sub, aten.rsub, aten.where):
        added: Sequence[Any] = node.args[:3]
    elif operator in (aten.constant_pad_nd, aten.pad):
        added = [*node.args[2:], node.kwargs.get("value")]
    elif operator is aten.masked_fill:
        added = node.args[2:]
    else:
        return False
    return any(isinstance(arg, int | float) and arg != 0 for arg in added)


def _operands(node: fx.Node, varying: Set[fx.Node]) -> int:
    """Count the factors that vary; x · x has two, and a bias that varies counts as a second one."""
    given = [read for argument in (*node.args, *node.kwargs.values()) for read in _nodes(argument)]
    return sum(read in varying for read in given)


def _compares(node: fx.Node) -> bool:
    return len(node.args) > 1 and isinstance(node.args[1], fx.Node)
