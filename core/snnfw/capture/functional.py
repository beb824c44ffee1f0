"""Write an exported graph in operators that write nothing: one by one where that is simple, else traced anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from snnfw.capture.rewritten import REWRITABLE, insert, is_same_tensor, rewrite, storages

aten = torch.ops.aten

IN_PLACE: Mapping[Any, Any] = {
    getattr(packet, name): getattr(getattr(aten, packet.__name__.removesuffix("_")), name)
    for packet in (
        *(aten.relu_, aten.hardtanh_, aten.hardswish_, aten.silu_, aten.gelu_, aten.mish_, aten.leaky_relu_),
        *(aten.elu_, aten.celu_, aten.sigmoid_, aten.hardsigmoid_, aten.tanh_, aten.clamp_, aten.neg_),
        *(aten.add_, aten.sub_, aten.mul_, aten.div_),
    )
    for name in packet.overloads()
    if name in ("default", "Tensor", "Scalar")
}
"""Operators that write their result into their first argument, and those that return it instead."""

RETRACED = {aten.lift_fresh_copy.default, aten.native_batch_norm.default}
"""Operators that a trace writes in another way, besides composite ones that may return their argument's memory."""


def functionalise(program: ExportedProgram) -> Any:
    """Return the module of a program's graph, functional; the program is used up.

    ``run_decompositions`` traces a network twice for that. Where every operator stays as it is or is known here, what
    it would return is written down at once. Views that are written, or read after what they show was, and writes that
    outlive the call are left to the trace.
    """
    graph = program.graph_module.graph
    nodes = tuple(graph.nodes)
    if not all(map(_is_known, nodes)) or _writes_elsewhere(nodes):
        return program.run_decompositions({}).module()
    first = _first_of_the_same(nodes)
    now: dict[fx.Node, fx.Node] = {}
    for node in nodes:
        node.args, node.kwargs = fx.map_arg((node.args, node.kwargs), lambda read: now.get(first[read], read))
        if node.target in IN_PLACE:
            with graph.inserting_before(node):
                now[first[node]] = insert(graph, node, IN_PLACE[node.target], node.args, node.kwargs)
        elif node.target in REWRITABLE:
            now[first[node]] = rewrite(graph, node)
    for node in reversed(nodes):
        if node.target in IN_PLACE or node.target in REWRITABLE:
            graph.erase_node(node)
    return program.module()


def _is_known(node: fx.Node) -> bool:
    """Tell whether a node stays as it is in a functional graph, or can be rewritten alone."""
    operator = node.target
    if node.op != "call_function":
        return node.op in ("placeholder", "output")
    if not isinstance(operator, torch._ops.OperatorBase):
        return True  # of sizes, or getitem
    if operator in IN_PLACE:
        return _keeps_type(node)
    if operator in REWRITABLE:
        return REWRITABLE[operator](node)
    return isinstance(operator, torch._ops.OpOverload) and _stays(operator)


def _stays(operator: torch._ops.OpOverload) -> bool:
    if operator._schema.is_mutable or operator in RETRACED:
        return False
    aliases = any(argument.alias_info is not None for argument in operator._schema.arguments)
    unclear = aliases or torch.Tag.maybe_aliasing_or_mutating in operator.tags
    return not (unclear and operator.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd))


def _keeps_type(node: fx.Node) -> bool:
    """Tell whether an operator would return what it writes: the same type of numbers."""
    values = [given.meta["val"] if isinstance(given, fx.Node) else given for given in node.args]
    types = {value.dtype for value in values if isinstance(value, Tensor)}
    return len(types) == 1 and types.pop().is_floating_point and not any(isinstance(value, complex) for value in values)


def _first_of_the_same(nodes: Iterable[fx.Node]) -> dict[fx.Node, fx.Node]:
    """Return for each node the first that returned the very same tensor: itself mostly."""
    first: dict[fx.Node, fx.Node] = {}
    for node in nodes:
        source: Any = node.args[0] if node.target in IN_PLACE or is_same_tensor(node) else node
        first[node] = first.get(source, source)
    return first


def _writes_elsewhere(nodes: tuple[fx.Node, ...]) -> bool:
    """Tell whether a view is written, or what is read later through one, or what outlives the call."""
    first, position = _first_of_the_same(nodes), {node: index for index, node in enumerate(nodes)}
    last = {node: max((position[user] for user in node.users), default=-1) for node in nodes}
    holders: dict[int, list[fx.Node]] = {}
    for node in nodes:
        for storage in storages(node):
            holders.setdefault(storage, []).append(node)
    for writer in (node for node in nodes if node.target in IN_PLACE):
        for held in (holders[storage] for storage in storages(writer)):
            if held[0] is not first[writer] or held[0].op == "placeholder":
                return True
            if any(
                position[holder] < position[writer] < last[holder] for holder in held if first[holder] is not held[0]
            ):
                return True
    return False
