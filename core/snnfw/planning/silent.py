"""Find the operators that hold nothing but zeros, in which there is no event."""

from __future__ import annotations

from collections.abc import Set

from torch import fx, nn

from snnfw.capture import operators as table
from snnfw.capture.graph import Graph, get_attribute
from snnfw.capture.sites import aten, overload_packet

ZEROS = {aten.zeros, aten.new_zeros, aten.zeros_like}
FILLED = {aten.fill, aten.full, aten.new_full, aten.full_like}


def silent_nodes(graph: Graph) -> frozenset[fx.Node]:
    """Return the nodes whose values are zeros: stored so, made so, or moved from such."""
    silent: set[fx.Node] = set()
    for node in graph.nodes:
        if _is_silent(node, graph, silent):
            silent.add(node)
    return frozenset(silent)


def _is_silent(node: fx.Node, graph: Graph, silent: Set[fx.Node]) -> bool:
    if node.op == "get_attr":
        value = get_attribute(graph.module, str(node.target))
        return not isinstance(value, nn.Parameter) and not bool(value.any())
    operator = overload_packet(node)
    if operator in FILLED:
        value = node.args[1]
        return value in silent if isinstance(value, fx.Node) else bool(value == 0)
    moved = operator in table.MOVES and bool(node.all_input_nodes) and not table.adds_constant(node)
    return operator in ZEROS or (moved and all(read in silent for read in table.moved_values(node)))
