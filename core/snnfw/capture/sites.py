"""Find the activation functions of a graph and name them by the user's module paths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx

from snnfw.capture.graph import BatchDim, Where, attribute
from snnfw.contracts import Site

aten = torch.ops.aten

ACTIVATIONS: Mapping[Any, str] = {
    aten.relu: "relu",
    aten.relu6: "relu6",
    aten.hardtanh: "hardtanh",
    aten.hardswish: "hardswish",
    aten.silu: "silu",
    aten.gelu: "gelu",
    aten.mish: "mish",
    aten.leaky_relu: "leaky_relu",
    aten.rrelu: "leaky_relu",
    aten.elu: "elu",
    aten.celu: "celu",
    aten.selu: "selu",
    aten.prelu: "prelu",
    aten.softplus: "softplus",
}
"""Operators that a neuron can stand in for, and the names by which recipes call them."""

CHANNELS_LAST_DIM = {aten.linear, aten.matmul, aten.mm, aten.bmm, aten.addmm, aten.layer_norm}
CHANNELS_SECOND = {
    aten.conv1d,
    aten.conv2d,
    aten.conv3d,
    aten.conv_transpose1d,
    aten.conv_transpose2d,
    aten.conv_transpose3d,
    aten.batch_norm,
    aten.group_norm,
}


def packet(node: fx.Node) -> Any:
    """Return the operator without its overload, so that relu and relu.out are one."""
    return getattr(node.target, "overloadpacket", node.target)


def module_path(node: fx.Node) -> str:
    """Return the user's path of the module that made a call, such as ``layer1.0.relu``; empty at the top."""
    stack = node.meta.get("nn_module_stack") or {}
    calls = [entry[0] for entry in stack.values()]
    return re.sub(r"@\d+", "", calls[-1]) if calls else ""


def find_sites(
    module: fx.GraphModule, where: Mapping[str, Where], shapes: Mapping[str, tuple[int | None, ...]]
) -> tuple[Site, ...]:
    """Return every call of an activation function, in order.

    A call made by an activation module has the module's path; a functional call is named after the module it stands
    in and the function (``layer1.0.relu``). Further calls of the same name get ``#2``, ``#3`` ...
    """
    seen: Counter[str] = Counter()
    modules = _activation_modules(module)
    sites = []
    for node in module.graph.nodes:
        if packet(node) not in ACTIVATIONS:
            continue
        kind, path = _kind(node), module_path(node)
        name = path if path in modules else f"{path}.{kind}".lstrip(".")
        seen[name] += 1
        sites.append(
            Site(
                name=name if seen[name] == 1 else f"{name}#{seen[name]}",
                node=node.name,
                activation=kind,
                function=_function(module, node),
                shape=shapes[node.name],
                channel=_channel(node, where[node.name]),
                arguments=(*node.args[1:], *node.kwargs.values()),
            )
        )
    return tuple(sites)


def _activation_modules(module: fx.GraphModule) -> set[str]:
    """Return the paths of modules that do nothing but apply an activation function."""
    kinds: dict[str, set[bool]] = {}
    inner: set[str] = set()
    for node in module.graph.nodes:
        if node.op == "call_function" and isinstance(node.meta.get("val"), Tensor):
            path = module_path(node)
            kinds.setdefault(path, set()).add(packet(node) in ACTIVATIONS)
            inner.update(path[:end] for end in range(len(path)) if path[end] == ".")
    return {path for path, found in kinds.items() if path and found == {True} and path not in inner}


def _kind(node: fx.Node) -> str:
    kind = ACTIVATIONS[packet(node)]
    return "relu6" if kind == "hardtanh" and node.args[1:] in ((0, 6), (0.0, 6.0)) else kind


def _function(module: fx.GraphModule, node: fx.Node) -> Callable[[Tensor], Tensor]:
    bound = [attribute(module, str(arg.target)) if isinstance(arg, fx.Node) else arg for arg in node.args[1:]]
    return partial(_call, node.target, tuple(bound), dict(node.kwargs))


def _call(target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], drive: Tensor) -> Tensor:
    result: Tensor = target(drive, *args, **kwargs)
    return result


def _channel(node: fx.Node, place: BatchDim | None) -> int:
    """Return the axis of a site's channels: that of the layer whose result reaches it."""
    dims = node.meta["val"].dim()
    axis = _trace(node, dims)
    batch = place.dim if place else 0
    return axis if axis != batch else next(dim for dim in range(dims) if dim != batch)


def _trace(node: fx.Node, dims: int) -> int:
    """Follow the first tensor of each operator back to a layer, through permutations."""
    moves: list[Callable[[int], int]] = []
    while node.op == "call_function" and isinstance(node.meta.get("val"), Tensor) and node.meta["val"].dim() == dims:
        kind = packet(node)
        if kind in CHANNELS_LAST_DIM:
            return _apply(moves, dims - 1)
        if kind in CHANNELS_SECOND:
            return _apply(moves, 1)
        args: tuple[Any, ...] = node.args
        if kind is aten.permute:
            moves.append(partial(_permuted, tuple(dim % dims for dim in args[1])))
        if kind is aten.transpose:
            moves.append(partial(_swapped, args[1] % dims, args[2] % dims))
        sources = [read for read in node.all_input_nodes if read.op == "call_function"]
        if not sources:
            break
        node = sources[0]
    return _apply(moves, 1)


def _apply(moves: Iterable[Callable[[int], int]], axis: int) -> int:
    for move in reversed(list(moves)):
        axis = move(axis)
    return axis


def _permuted(order: tuple[int, ...], axis: int) -> int:
    return order.index(axis)


def _swapped(one: int, other: int, axis: int) -> int:
    return {one: other, other: one}.get(axis, axis)
