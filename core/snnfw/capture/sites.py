"""Find the activation functions of a graph and name them by the user's module paths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx

from snnfw.capture.graph import BatchDim, Where, evaluate
from snnfw.errors import SnnfwError
from snnfw.values import Site

aten = torch.ops.aten
"""PyTorch's own operators, by name."""

NAMESPACE = "snnfw_activation"
"""Every custom operator of this namespace is an activation: ``snnfw_activation::qcfs`` is called ``qcfs``."""

TORCHS_OWN: Mapping[Any, str] = {
    aten.relu: "relu",
    aten.relu6: "relu6",
    aten.hardtanh: "hardtanh",
    aten.hardswish: "hardswish",
    aten.silu: "silu",
    aten.gelu: "gelu",
    aten.mish: "mish",
    aten.leaky_relu: "leaky_relu",
    aten.rrelu: "rrelu",
    aten.elu: "elu",
    aten.celu: "celu",
    aten.selu: "selu",
    aten.prelu: "prelu",
    aten.softplus: "softplus",
}


class Activations(Mapping[Any, str]):
    """Operators that a neuron can stand in for, and the names by which recipes call them.

    torch's own are listed. A custom operator is looked up by its namespace, so that anybody can bring an activation
    with ``torch.library.custom_op("snnfw_activation::NAME", mutates_args=())``: its first argument is the input.
    """

    def __getitem__(self, operator: Any) -> str:
        """Return the name of an operator without its overload."""
        namespace, _, name = getattr(operator, "_qualified_op_name", "").partition("::")
        return name if namespace == NAMESPACE else TORCHS_OWN[operator]

    def __iter__(self) -> Iterator[Any]:
        """Yield torch's own."""
        return iter(TORCHS_OWN)

    def __len__(self) -> int:
        """Return the number of torch's own."""
        return len(TORCHS_OWN)


ACTIVATIONS = Activations()

IDENTITY = "identity"
"""The function of an encoder, by which rules name it."""

GATES: Mapping[Any, str] = {
    aten.sigmoid: "sigmoid",
    aten.hardsigmoid: "hardsigmoid",
    aten.tanh: "tanh",
    aten.alias: IDENTITY,
}
"""Functions that mostly gate other values, or weigh them, and encoders, which change none: a neuron goes there only
where a rule names them."""

TAKEN = frozenset((*TORCHS_OWN.values(), *GATES.values()))
"""Names by which neurons know torch's own functions."""

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


def overload_packet(node: fx.Node) -> Any:
    """Return the operator without its overload, so that relu and relu.out are one."""
    return getattr(node.target, "overloadpacket", node.target)


def module_path(node: fx.Node) -> str:
    """Return the user's path of the module that made a call, such as ``layer1.0.relu``; empty at the top."""
    stack = node.meta.get("nn_module_stack") or {}
    calls = [entry[0] for entry in stack.values()]
    return re.sub(r"@\d+", "", calls[-1]) if calls else ""


def find_sites(
    module: fx.GraphModule,
    where: Mapping[str, Where],
    shapes: Mapping[str, tuple[int | None, ...]],
    functions: Mapping[Any, str] = ACTIVATIONS,
) -> tuple[Site, ...]:
    """Return every call of an activation function, or of one of other ``functions``, in order.

    A call made by an activation module has the module's path; a functional call is named after the module it stands
    in and the function (``layer1.0.relu``). Further calls of the same name get ``#2``, ``#3`` ...
    """
    seen: Counter[str] = Counter()
    modules = _activation_modules(module, where, functions)
    sites = []
    for node in module.graph.nodes:
        if overload_packet(node) not in functions or where[node.name] is None:  # a function of parameters alone
            continue
        _check_elementwise(node)
        kind, path = _kind(node, functions), module_path(node)
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
                arguments=tuple(_bound(module, node, (*node.args[1:], *node.kwargs.values()))),
            )
        )
    return tuple(sites)


def _activation_modules(module: fx.GraphModule, where: Mapping[str, Where], functions: Mapping[Any, str]) -> set[str]:
    """Return the paths of modules that do nothing to samples but apply one of the functions."""
    kinds: dict[str, set[bool]] = {}
    inner: set[str] = set()
    for node in module.graph.nodes:
        if node.op == "call_function" and isinstance(node.meta.get("val"), Tensor) and where[node.name] is not None:
            path = module_path(node)
            kinds.setdefault(path, set()).add(overload_packet(node) in functions)
            inner.update(path[:end] for end in range(len(path)) if path[end] == ".")
    return {path for path, found in kinds.items() if path and found == {True} and path not in inner}


def _kind(node: fx.Node, functions: Mapping[Any, str]) -> str:
    kind = functions[overload_packet(node)]
    return "relu6" if kind == "hardtanh" and node.args[1:] in ((0, 6), (0.0, 6.0)) else kind


def _check_elementwise(node: fx.Node) -> None:
    """Refuse a custom operator that cannot be an activation, or goes by the name of one that it is not."""
    operator = overload_packet(node)
    if operator not in TORCHS_OWN and operator not in GATES and operator.__name__ in TAKEN:
        raise SnnfwError(
            f"operator '{operator}' has the name of torch's own '{operator.__name__}', for which neurons know what to "
            "compute: give it another name."
        )
    source, value = node.args[0] if node.args else None, node.meta.get("val")
    shape = source.meta["val"].shape if isinstance(source, fx.Node) else None
    if not isinstance(value, Tensor) or value.shape != shape:
        raise SnnfwError(
            f"operator '{operator}' is no activation: its first argument must be a tensor, and its result one "
            "tensor of the same shape."
        )


def _function(module: fx.GraphModule, node: fx.Node) -> Callable[[Tensor], Tensor]:
    given = dict(zip(node.kwargs, _bound(module, node, node.kwargs.values()), strict=True))
    return partial(_call, node.target, tuple(_bound(module, node, node.args[1:])), given)


def _bound(module: fx.GraphModule, node: fx.Node, arguments: Iterable[Any]) -> Iterator[Any]:
    """Yield an activation's arguments, with the values of those that the network's parameters make.

    Each value is computed once: what is read twice by what is read twice would take time beyond all bounds.
    """
    known: dict[fx.Node, Any] = {}

    def value_of(read: fx.Node) -> Any:
        if read.op == "placeholder":
            raise SnnfwError(
                f"activation '{overload_packet(node).__name__}' at '{module_path(node) or 'the top of the network'}' "
                "has a parameter that depends on the input: only its first argument may."
            )
        if read not in known:
            known[read] = evaluate(module, read, value_of)
        return known[read]

    for given in arguments:
        yield value_of(given) if isinstance(given, fx.Node) else given


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
        kind = overload_packet(node)
        if kind in CHANNELS_LAST_DIM:
            return _apply(moves, dims - 1)
        if kind in CHANNELS_SECOND:
            return _apply(moves, 1)
        args: tuple[Any, ...] = node.args
        if kind is aten.permute:
            moves.append(partial(_permute, tuple(dim % dims for dim in args[1])))
        if kind is aten.transpose:
            moves.append(partial(_swap, args[1] % dims, args[2] % dims))
        sources = [read for read in node.all_input_nodes if read.op == "call_function"]
        if not sources:
            break
        node = sources[0]
    return _apply(moves, 1)


def _apply(moves: Iterable[Callable[[int], int]], axis: int) -> int:
    for move in reversed(list(moves)):
        axis = move(axis)
    return axis


def _permute(order: tuple[int, ...], axis: int) -> int:
    return order.index(axis)


def _swap(one: int, other: int, axis: int) -> int:
    return {one: other, other: one}.get(axis, axis)
