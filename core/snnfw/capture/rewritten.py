"""Write operators that may return their argument's own memory, or do more in training, as a trace would."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

aten = torch.ops.aten

DROPOUTS = {
    *(aten.dropout.default, aten.dropout_.default),
    *(aten.feature_dropout.default, aten.feature_dropout_.default),
}
RESHAPES = {aten.flatten.using_ints, aten.unflatten.int, aten.view_as.default, aten.reshape_as.default}
MAY_RETURN_ITSELF = {*DROPOUTS, aten.contiguous.default, aten.to.dtype, aten.flatten.using_ints}


def storages(node: fx.Node) -> set[int]:
    """Return which pieces of memory the tensors of a result lie in."""
    found = (leaf for leaf in pytree.tree_leaves(node.meta.get("val")) if isinstance(leaf, Tensor))
    return {leaf.untyped_storage()._cdata for leaf in found if leaf.layout is torch.strided}


def is_same_tensor(node: fx.Node) -> bool:
    """Tell whether an operator that is rewritten here returns its argument itself."""
    if node.target not in MAY_RETURN_ITSELF:
        return False
    source: Any = node.args[0]
    return node.meta["val"].shape == source.meta["val"].shape and _shares_memory(node)


def rewrite(graph: fx.Graph, node: fx.Node) -> fx.Node:
    """Insert before a node what returns the same, and return that."""
    source: Any = node.args[0]
    if node.target in DROPOUTS or is_same_tensor(node):
        return source  # type: ignore[no-any-return]
    with graph.inserting_before(node):
        if node.target is aten.batch_norm.default:
            return _norm(graph, node)
        if node.target is aten.chunk.default:
            _, _, dim = node.args
            return insert(graph, node, aten.split.Tensor, (source, node.meta["val"][0].shape[dim], dim))
        if node.target is aten.expand_as.default:
            return insert(graph, node, aten.expand.default, (source, _sizes(graph, node)))
        if node.target is aten.to.dtype:
            return insert(graph, node, aten._to_copy.default, (source,), {"dtype": node.args[1]})
        return _copy(graph, node) if node.target is aten.contiguous.default else _reshape(graph, node)


def insert(graph: fx.Graph, node: fx.Node, target: Any, args: Any, kwargs: Any = None) -> fx.Node:
    """Insert a call that stands for a node, named as a trace names it."""
    new = graph.create_node("call_function", target, args, kwargs, target._schema.name.partition("::")[2])
    new.meta = dict(node.meta)
    return new


def _norm(graph: fx.Graph, node: fx.Node) -> fx.Node:
    source, weight, bias, mean, var, _, momentum, epsilon, _ = node.args
    args = (source, weight, bias, mean, var, momentum, epsilon)
    three = insert(graph, node, aten._native_batch_norm_legit_no_training.default, args)
    three.meta["val"] = (node.meta["val"], None, None)
    first = graph.call_function(operator.getitem, (three, 0))
    first.meta = dict(node.meta)
    return first


def _reshape(graph: fx.Graph, node: fx.Node) -> fx.Node:
    """Return a view where the memory allows it, and a view of a copy where it does not."""
    if _shares_memory(node):
        sizes: Any = node.args[1] if node.target is aten.reshape.default else _sizes(graph, node)
        return insert(graph, node, aten.view.default, (node.args[0], sizes))
    return insert(graph, node, aten._unsafe_view.default, (_copy(graph, node), _sizes(graph, node)))


def _copy(graph: fx.Graph, node: fx.Node) -> fx.Node:
    source: Any = node.args[0]
    copied = insert(graph, node, aten.clone.default, (source,), {"memory_format": torch.contiguous_format})
    copied.meta["val"] = source.meta["val"]
    return copied


def _shares_memory(node: fx.Node) -> bool:
    source: Any = node.args[0]
    return bool(storages(node) & storages(source))


def _sizes(graph: fx.Graph, node: fx.Node) -> list[Any]:
    """Return the sizes of a result, those that hold samples by the nodes that compute them."""
    return [_size(graph, node, size) if isinstance(size, torch.SymInt) else size for size in node.meta["val"].shape]


def _size(graph: fx.Graph, node: fx.Node, size: Any) -> fx.Node:
    for before in graph.nodes:
        if before is node:
            break
        value = before.meta.get("val")
        if isinstance(value, torch.SymInt) and value.node.expr == size.node.expr:
            return before  # type: ignore[no-any-return]
    factor, symbol = size.node.expr.as_coeff_Mul()
    batch = _batch(graph, symbol)
    if factor == 1:
        return batch
    product = graph.call_function(operator.mul, (batch, int(factor)))
    product.meta["val"] = size
    return product


def _batch(graph: fx.Graph, symbol: Any) -> fx.Node:
    """Return a node behind the inputs that is the number of samples."""
    first = next(node for node in graph.nodes if node.op != "placeholder")
    if first.target is aten.sym_size.int and first.meta["val"].node.expr == symbol:
        return first  # type: ignore[no-any-return]
    source = next(node for node in graph.nodes if _has_samples(node, symbol))
    with graph.inserting_before(first):
        batch = graph.call_function(aten.sym_size.int, (source, 0))
    batch.meta["val"] = source.meta["val"].shape[0]
    return batch


def _has_samples(node: fx.Node, symbol: Any) -> bool:
    sizes = getattr(node.meta.get("val"), "shape", ())[:1]
    return any(isinstance(size, torch.SymInt) and size.node.expr == symbol for size in sizes)


def _is_off(node: fx.Node) -> bool:
    return len(node.args) in (3, 9) and node.args[5 if len(node.args) == 9 else 2] is False


def _splits_a_fixed_size(node: fx.Node) -> bool:
    source: Any = node.args[0]
    return len(node.args) == 3 and isinstance(source.meta["val"].shape[node.args[2]], int)


def _has_multiples(node: fx.Node) -> bool:
    """Tell whether every size of a result is fixed, or so many times the number of samples."""
    found = [size.node.expr.as_coeff_Mul() for size in node.meta["val"].shape if isinstance(size, torch.SymInt)]
    return not node.kwargs and all(factor.is_Integer and symbol.is_Symbol for factor, symbol in found)


def _has_arguments(count: int) -> Callable[[fx.Node], bool]:
    return lambda node: len(node.args) == count and not node.kwargs


REWRITABLE: Mapping[Any, Callable[[fx.Node], bool]] = {
    aten.batch_norm.default: _is_off,
    **dict.fromkeys(DROPOUTS, _is_off),
    aten.chunk.default: _splits_a_fixed_size,
    aten.contiguous.default: _has_arguments(1),
    aten.to.dtype: _has_arguments(2),
    **dict.fromkeys((*RESHAPES, aten.reshape.default, aten.expand_as.default), _has_multiples),
}
"""What is rewritten, and whether it can be."""
