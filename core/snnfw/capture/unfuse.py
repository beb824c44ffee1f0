"""Write operators that hide a product of two streams as that product and the functions around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx
from torch.utils import _pytree as pytree

from snnfw.capture.graph import evaluate
from snnfw.capture.rewritten import insert
from snnfw.capture.sites import aten, module_path

Call = Callable[..., fx.Node]
"""Inserts one operator, given its overload and what it is called with, and returns its node."""

ATTENTION = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
"""Arguments of attention that may be given by place."""


def unfuse(module: fx.GraphModule) -> None:
    """Rewrite a graph in place: every piece at the module path of the operator that it is a piece of.

    In delta coding a product of streams is run on events, with neurons in front of it, and an operator that holds
    products and functions in one has no place for them. Pieces compute the same.
    """
    for node in list(module.graph.nodes):
        pieces = PIECES.get(node.target)
        if pieces is None:
            continue
        with module.graph.inserting_before(node):
            result = pieces(node, caller(node))
        if result is not None:
            node.replace_all_uses_with(result)
            module.graph.erase_node(node)
    module.recompile()


def caller(node: fx.Node, *inside: str) -> Call:
    """Return what inserts operators that stand for a node, at the path of its module or of a part ``inside`` it."""
    mode = pytree.tree_leaves(node.meta["val"])[0].fake_mode
    stack = dict(node.meta.get("nn_module_stack") or {})
    if inside:
        path = ".".join(filter(None, (module_path(node), *inside)))
        stack[f"unfused.{path}"] = (path, "")

    def call(target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        made = insert(node.graph, node, target, args, kwargs)
        made.meta["nn_module_stack"] = stack
        with mode:
            made.meta["val"] = target(*fx.map_arg(args, _value), **fx.map_arg(kwargs, _value))
        return made

    return call


def _value(node: fx.Node) -> Any:
    return node.meta["val"]


def _attention(node: fx.Node, call: Call) -> fx.Node | None:
    """Return softmax(scale · q kᵀ + mask) v, zero for a query that sees no key; with dropout, nothing."""
    given: dict[str, Any] = dict(zip(ATTENTION, node.args, strict=False)) | dict(node.kwargs)
    query, key, value = (given[name] for name in ATTENTION[:3])
    mask, scale = given.get("attn_mask"), given.get("scale")
    shape, others = _value(query).shape, _value(key).shape
    fixed = isinstance(shape[-2], int) and isinstance(others[-2], int)
    if given.get("dropout_p") or not fixed:
        return None
    if given.get("is_causal"):
        mask = _causal(query, [shape[-2], others[-2]], call)
    query = call(aten.mul.Tensor, query, 1 / math.sqrt(shape[-1]) if scale is None else scale)
    grouped = bool(given.get("enable_gqa")) and shape[-3] != others[-3]
    if grouped:  # a key of several heads is read by broadcasting: it stays one stream, with a neuron an element
        query = call(aten.unflatten.int, query, -3, [others[-3], -1])
        key, value = (call(aten.unsqueeze.default, read, -3) for read in (key, value))
    scores = call(aten.matmul.default, query, call(aten.transpose.int, key, -2, -1))
    scores = call(aten.flatten.using_ints, scores, -4, -3) if grouped else scores
    weights = _weights(scores, mask, call)
    weights = call(aten.unflatten.int, weights, -3, [others[-3], -1]) if grouped else weights
    attended = call(aten.matmul.default, weights, value)
    return call(aten.flatten.using_ints, attended, -4, -3) if grouped else attended


def _causal(query: fx.Node, size: list[int], call: Call) -> fx.Node:
    """Return zero where a query may look, at itself and what is before it, and minus infinity elsewhere."""
    like = _value(query)
    everything = call(aten.full.default, size, -math.inf, dtype=like.dtype, device=like.device)
    return call(aten.triu.default, everything, 1)


def _weights(scores: fx.Node, mask: fx.Node | None, call: Call) -> fx.Node:
    """Return the softmax of masked scores, zero in a row that is hidden whole."""
    if mask is None:
        return call(aten.softmax.int, scores, -1)
    if _value(mask).dtype is torch.bool:
        if _varies_by_sample(mask):
            return _softmax_of_shown(scores, mask, call)
        nothing = call(aten.zeros_like.default, mask, dtype=_value(scores).dtype)
        mask = call(aten.masked_fill.Scalar, nothing, call(aten.logical_not.default, mask), -math.inf)
    weights = call(aten.softmax.int, call(aten.add.Tensor, scores, mask), -1)
    if not _may_hide_rows(mask):
        return weights
    hidden = call(aten.all.dim, call(aten.eq.Scalar, mask, -math.inf), -1, True)
    return call(aten.masked_fill.Scalar, weights, hidden, 0.0)


def _softmax_of_shown(scores: fx.Node, shown: fx.Node, call: Call) -> fx.Node:
    """Return the softmax over what a boolean mask shows, without infinities: one that comes and goes has no mean.

    What is hidden gets the lowest score at first, so that what is shown keeps a share of at least one key's.
    """
    lowest = call(aten.amin.default, scores, [-1], True)
    weights = call(aten.softmax.int, call(aten.where.self, shown, scores, lowest), -1)
    weights = call(aten.mul.Tensor, weights, shown)
    total = call(aten.sum.dim_IntList, weights, [-1], True)
    return call(aten.div.Tensor, weights, call(aten.clamp_min.default, total, 0.5 / _value(scores).shape[-1]))


def _may_hide_rows(mask: fx.Node) -> bool:
    """Tell whether a mask hides all keys of a query, or could for other samples."""
    needed = _behind(mask)
    read = {before for node in needed for before in node.all_input_nodes}
    if any(node.op == "placeholder" for node in needed) or not read <= needed:  # sizes are read, too
        return True
    module: Any = mask.graph.owning_module
    known: dict[fx.Node, Any] = {}
    for node in mask.graph.nodes:
        if node in needed:
            known[node] = evaluate(module, node, known.__getitem__)
    return bool((known[mask] == -math.inf).all(-1).any())


def _baddbmm(node: fx.Node, call: Call) -> fx.Node | None:
    """Return beta · input + alpha · (a @ b), as an attention that also returns its weights has it."""
    added, *factors = _nodes(node.args)
    if not all(map(_varies_by_sample, factors)):
        return None
    product = call(aten.bmm.default, *factors)
    alpha, beta = node.kwargs.get("alpha", 1), node.kwargs.get("beta", 1)
    scaled = product if alpha == 1 else call(aten.mul.Tensor, product, alpha)
    if beta == 0:  # then torch does not read what is added
        return scaled
    return call(aten.add.Tensor, added if beta == 1 else call(aten.mul.Tensor, added, beta), scaled)


def _bilinear(node: fx.Node, call: Call) -> fx.Node | None:
    """Return x₁ W x₂ + b as a layer on x₁, whose result is [..., outputs, features of x₂], and its product with x₂."""
    first, second, weight, *bias = _nodes(node.args)
    if not (_varies_by_sample(first) and _varies_by_sample(second)):
        return None
    outputs, features, others = _value(weight).shape
    rows = call(aten.transpose.int, weight, 1, 2)
    rows = call(aten.reshape.default, rows, [outputs * others, features])
    layer = call(aten.unflatten.int, call(aten.linear.default, first, rows), -1, [outputs, others])
    product = call(aten.matmul.default, layer, call(aten.unsqueeze.default, second, -1))
    result = call(aten.squeeze.dim, product, -1)
    return call(aten.add.Tensor, result, *bias) if bias else result


def _einsum(node: fx.Node, call: Call) -> fx.Node | None:
    """Return a sum of three factors and more as sums of two each, in the order in which torch takes them."""
    formula, factors = str(node.args[0]).replace(" ", ""), _nodes(node.args[1])
    inputs, arrow, output = formula.partition("->")
    if not arrow or "." in formula or len(factors) < 3 or sum(map(_varies_by_sample, factors)) < 2:
        return None
    terms = list(zip(inputs.split(","), factors, strict=True))
    path: Any = node.kwargs.get("path") or [0, 1, *(at for left in range(len(terms) - 2, 0, -1) for at in (0, left))]
    for pair in zip(path[::2], path[1::2], strict=True):
        (first, one), (second, other) = (terms[at] for at in pair)
        terms = [term for at, term in enumerate(terms) if at not in pair]
        later = {letter for letters, _ in terms for letter in letters} | set(output)
        kept = "".join(letter for letter in dict.fromkeys(first + second) if letter in later) if terms else output
        terms.append((kept, call(aten.einsum.default, f"{first},{second}->{kept}", [one, other])))
    return terms[0][1]


PIECES: Mapping[Any, Callable[[fx.Node, Call], fx.Node | None]] = {
    aten.scaled_dot_product_attention.default: _attention,
    aten.baddbmm.default: _baddbmm,
    aten.bilinear.default: _bilinear,
    aten.einsum.default: _einsum,
}
"""What is taken apart, and what returns its pieces' result, or nothing where it stays whole."""


def _nodes(arguments: Any) -> list[fx.Node]:
    """Return the arguments that are results of other nodes, without what is left out."""
    return [argument for argument in arguments if isinstance(argument, fx.Node)]


def _varies_by_sample(node: fx.Node) -> bool:
    """Tell whether a value, rather than its size, depends on the network's inputs."""
    return any(before.op == "placeholder" for before in _behind(node))


def _behind(node: fx.Node) -> set[fx.Node]:
    """Return a node and the tensors that it is computed from."""
    found, left = set(), [node]
    while left:
        at = left.pop()
        if at not in found and not isinstance(at.meta.get("val"), torch.SymInt):
            found.add(at)
            left.extend(at.all_input_nodes)
    return found
