"""Run a graph on two batches and on both together, to learn where samples are, what is mixed, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sympy
import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree
from torch.utils.flop_counter import FlopCounterMode

from snnfw.capture.graph import BatchDim, Size, Where, evaluate, last_uses, split_batch
from snnfw.capture.sites import module_path
from snnfw.contracts import Inputs
from snnfw.errors import SnnfwError


@dataclass(frozen=True, slots=True)
class Survey:
    """What running a graph told: batch dimensions, sizes, MACs and elements per sample, shapes (None: the batch)."""

    where: dict[str, Where] = field(default_factory=dict)
    sizes: dict[str, Size] = field(default_factory=dict)
    macs: dict[str, int] = field(default_factory=dict)
    elements: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[int | None, ...]] = field(default_factory=dict)


def survey(module: fx.GraphModule, first: Inputs, second: Inputs) -> Survey:
    """Check every operator by ``node(cat(x1, x2)) == cat(node(x1), node(x2))`` and note what it did.

    Symbolic shapes say which dimension holds the batch; only values say whether it was merged as the inner or the outer
    factor there, and whether an operator mixes samples, which no spiking network can do.

    Raises:
        SnnfwError: an operator mixes samples, or holds them in two dimensions.

    """
    nodes = tuple(module.graph.nodes)
    placeholders = [node for node in nodes if node.op == "placeholder"]
    symbol = _batch_symbol(placeholders[0])
    both = tuple(torch.cat(pair) for pair in zip(first, second, strict=True))
    runs: list[dict[fx.Node, Any]] = [dict(zip(placeholders, x, strict=True)) for x in (first, second, both)]
    freed = last_uses(nodes)
    result = Survey()
    for node in nodes:
        if node.op == "output":
            continue
        if node.op != "placeholder":
            _run(module, node, runs, result.macs, len(first[0]))
        _note(node, symbol, tuple(values[node] for values in runs), len(first[0]), result)
        for values in runs:
            for done in freed[node]:
                del values[done]
    return result


def _run(
    module: fx.GraphModule, node: fx.Node, runs: list[dict[fx.Node, Any]], macs: dict[str, int], samples: int
) -> None:
    """Evaluate one node in every run, counting the floating point operations of the first: two make a MAC."""
    if node.op == "get_attr":
        for values in runs:
            values[node] = evaluate(module, node, values.__getitem__)
        return
    counter = FlopCounterMode(display=False)
    with counter:
        runs[0][node] = evaluate(module, node, runs[0].__getitem__)
    macs[node.name] = counter.get_total_flops() // (2 * samples)
    for values in runs[1:]:
        values[node] = evaluate(module, node, values.__getitem__)


def _note(node: fx.Node, symbol: sympy.Symbol, values: tuple[Any, Any, Any], samples: int, result: Survey) -> None:
    value = node.meta.get("val")
    if isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool):
        if value.node.expr.free_symbols <= {symbol}:
            result.sizes[node.name] = partial(_size, value.node.expr, symbol)
        result.where[node.name] = None
        return
    if node.op == "get_attr" or not isinstance(value, Tensor | tuple | list):
        result.where[node.name] = None
        return
    result.where[node.name] = pytree.tree_map(partial(_locate, node, symbol), value, *values)
    if isinstance(value, Tensor):
        place = result.where[node.name]
        result.elements[node.name] = values[0].numel() // (samples if place else 1)
        result.shapes[node.name] = tuple(
            None if place and dim == place.dim else size for dim, size in enumerate(values[0].shape)
        )


def _size(expression: sympy.Expr, symbol: sympy.Symbol, samples: int) -> Any:
    """Return a size for a number of samples, as a Python number."""
    value = expression.xreplace({symbol: sympy.Integer(samples)})
    if value in (sympy.true, sympy.false):
        return bool(value)
    return int(value) if value.is_integer else float(value)


def _batch_symbol(placeholder: fx.Node) -> sympy.Symbol:
    size = placeholder.meta["val"].shape[0]
    if not isinstance(size, torch.SymInt):
        raise SnnfwError(f"the network's batch cannot be dynamic: its forward fixes the number of samples to {size}.")
    return size.node.expr


def _locate(node: fx.Node, symbol: sympy.Symbol, symbolic: Any, *values: Any) -> BatchDim | None:
    """Return where one tensor holds its samples, refusing what mixes them."""
    if not isinstance(symbolic, Tensor):
        return None
    dims = [
        dim
        for dim, size in enumerate(symbolic.shape)
        if isinstance(size, torch.SymInt) and symbol in size.node.expr.free_symbols
    ]
    if not dims:
        if not all(_close(values[0], other) for other in values[1:]):
            raise _mixes(node, "its result has no batch dimension and yet depends on the samples")
        return None
    if len(dims) > 1:
        raise _mixes(node, f"dimensions {dims} of its result both depend on the number of samples")
    size: Any = symbolic.shape[dims[0]]
    factor = sympy.simplify(size.node.expr / symbol)
    if not factor.is_Integer:
        raise _mixes(node, "the size of its result is no multiple of the number of samples")
    return _merged(node, dims[0], int(factor), values)


def _merged(node: fx.Node, dim: int, factor: int, values: tuple[Any, ...]) -> BatchDim:
    """Return how the batch is merged into a dimension, by trying every way to split it."""
    for outer in (divisor for divisor in range(1, factor + 1) if factor % divisor == 0):
        place = BatchDim(dim, outer, factor // outer)
        first, second, both = (split_batch(value, place) for value in values)
        if _close(torch.cat([first, second], dim + 1), both):
            return place
    if values[0].is_floating_point():
        raise _mixes(node, "its result for some samples changes with the others in the batch")
    return BatchDim(dim, 1, factor)  # indices may change between ties; what is computed from them is checked


def _close(ours: Tensor, theirs: Tensor) -> bool:
    if ours.shape != theirs.shape:
        return False
    if not ours.is_floating_point():
        return bool(torch.equal(ours, theirs))
    finite = theirs[torch.isfinite(theirs)]
    scale = float(finite.abs().max()) if finite.numel() else 0.0
    return torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4 * scale, equal_nan=True)


def _mixes(node: fx.Node, why: str) -> SnnfwError:
    return SnnfwError(
        f"operator '{operator_name(node)}' at '{module_path(node) or 'the top of the network'}' mixes the samples of a "
        f"batch: {why}. A spiking network needs every sample computed alone."
    )


def operator_name(node: fx.Node) -> str:
    """Return an operator's short name, such as ``conv2d``."""
    packet = getattr(node.target, "overloadpacket", None)
    return packet.__name__ if packet is not None else getattr(node.target, "__name__", str(node.target))
