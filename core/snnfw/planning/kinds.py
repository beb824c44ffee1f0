"""Classify one operator by what it does to streams that vary in time."""

from __future__ import annotations

import operator as python
from collections.abc import Set
from enum import StrEnum
from typing import Any

from torch import Tensor, fx

from snnfw.capture import operators as table
from snnfw.capture.graph import is_summable
from snnfw.capture.sites import ACTIVATIONS, aten, overload_packet
from snnfw.values import DELTA


class Kind(StrEnum):
    """What becomes of an operator."""

    INPUT = "input"
    CONSTANT = "constant"
    SIZE = "size"
    STATIC = "static"
    SPIKING = "spiking"
    LINEAR = "linear"
    MAXIMUM = "maximum"
    PRODUCT = "product"
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
        return Kind.LINEAR if varying_operands(node, varying) == 1 else Kind.ANALOG
    if operator in table.QUOTIENTS:
        exact = streams == [node.args[0]] and not node.kwargs.get("rounding_mode")
        return Kind.LINEAR if exact else Kind.ANALOG
    if operator in table.INDEXING:
        if node.kwargs.get("reduce") is not None:
            return Kind.ANALOG
        choosers = table.index_operands(node)
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
        tensors = [read for read in tensors if read not in table.index_operands(node)]
    elif operator in table.MOVES:
        tensors = [read for read in table.moved_values(node) if _is_tensor(read)]
    elif operator not in table.AVERAGES | table.SUMS | table.MAXIMA:
        return False
    carried = any(read in events for read in tensors) and all(read in events or read in silent for read in tensors)
    return carried and not table.adds_constant(node)


def accumulates(node: fx.Node, varying: Set[fx.Node], events: Set[fx.Node], coding: str) -> bool:
    """Tell whether a product accumulates events instead of multiplying: all that varies in it is made of them.

    A product of two streams does so in delta coding, a(t) · B(t-1) + A(t) · b(t) with the values A and B stored.
    """
    if overload_packet(node) not in table.PRODUCTS:
        return False
    streams = [read for read in node.all_input_nodes if read in varying]
    linear = kind_over_time(node, varying) is Kind.LINEAR
    numbers = not _is_about_choices(node, streams)
    return bool(streams) and (linear or (coding == DELTA and numbers)) and all(read in events for read in streams)


def _is_about_choices(node: fx.Node, streams: list[fx.Node]) -> bool:
    """Tell whether integers or booleans that vary in time go in, or come out alone."""
    return any(map(_holds_choice, (stream.meta.get("val") for stream in streams))) or _is_choice(node.meta.get("val"))


def _holds_choice(value: Any) -> bool:
    parts = value if isinstance(value, tuple | list) else [value]
    return any(_is_choice(part) for part in parts)


def _is_choice(value: Any) -> bool:
    return isinstance(value, Tensor) and not is_summable(value)


def _is_tensor(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return hasattr(value, "shape") or isinstance(value, tuple | list)


def varying_operands(node: fx.Node, varying: Set[fx.Node]) -> int:
    """Count the factors of a product that vary; x · x has two, and a bias that varies counts as a second one."""
    return sum(read in varying for read in table.operands(node))


def _compares(node: fx.Node) -> bool:
    return len(node.args) > 1 and isinstance(node.args[1], fx.Node)
