"""Run a graph on two batches and on both together, to learn where samples are, what is mixed, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sympy
import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from snnfw.capture.graph import BatchDim, Size, Where, evaluate, last_uses, split_batch
from snnfw.capture.macs import run_counting
from snnfw.capture.near import near, near_joined
from snnfw.capture.precision import full_float32
from snnfw.capture.sites import module_path
from snnfw.errors import SnnfwError
from snnfw.values import Inputs

Again = Callable[[], list[Any]]
"""Returns a node's results for other values of what it reads: for two batches, and for both together."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What running a graph told: batch dimensions, sizes, MACs and elements per sample, shapes (None: the batch).

    ``computed`` is what the graph returned for both batches together.
    """

    where: dict[str, Where] = field(default_factory=dict)
    sizes: dict[str, Size] = field(default_factory=dict)
    macs: dict[str, int] = field(default_factory=dict)
    elements: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    computed: list[Any] = field(default_factory=list)


@full_float32()
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
            result.computed.extend(pytree.tree_leaves(evaluate(module, node, runs[2].__getitem__)))
            continue
        if node.op != "placeholder":
            _run(module, node, runs, result.macs, len(first[0]))
        again = partial(_again, module, node, runs, result.where)
        _note(node, symbol, tuple(values[node] for values in runs), len(first[0]), result, again)
        for values in runs:
            for done in freed[node]:
                del values[done]
    return result


def _run(
    module: fx.GraphModule, node: fx.Node, runs: list[dict[fx.Node, Any]], macs: dict[str, int], samples: int
) -> None:
    """Evaluate one node in every run, counting the MACs of the first."""
    if node.op == "get_attr":
        for values in runs:
            values[node] = evaluate(module, node, values.__getitem__)
        return
    first = runs[0].__getitem__
    runs[0][node], counted = run_counting(
        node, lambda: evaluate(module, node, first), lambda: tuple(fx.map_arg(node.args, first))
    )
    macs[node.name] = counted // samples
    for values in runs[1:]:
        values[node] = evaluate(module, node, values.__getitem__)


def _note(
    node: fx.Node, symbol: sympy.Symbol, values: tuple[Any, Any, Any], samples: int, result: Survey, again: Again
) -> None:
    value = node.meta.get("val")
    if isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool):
        if value.node.expr.free_symbols <= {symbol}:
            result.sizes[node.name] = partial(size_of, value.node.expr, symbol)
        result.where[node.name] = None
        return
    if node.op == "get_attr" or not isinstance(value, Tensor | tuple | list):
        result.where[node.name] = None
        return
    leaves = zip(*map(pytree.tree_leaves, (value, *values)), strict=True)
    places = [
        _locate(node, symbol, symbolic, found, partial(_leaf_of_each, again, index))
        for index, (symbolic, *found) in enumerate(leaves)
    ]
    result.where[node.name] = pytree.tree_unflatten(places, pytree.tree_structure(value))
    if isinstance(value, Tensor):
        place = result.where[node.name]
        result.elements[node.name] = values[0].numel() // (samples if place else 1)
        result.shapes[node.name] = tuple(
            None if place and dim == place.dim else size for dim, size in enumerate(values[0].shape)
        )


def _leaf_of_each(again: Again, index: int) -> list[Any]:
    return [pytree.tree_leaves(result)[index] for result in again()]


def size_of(expression: sympy.Expr, symbol: sympy.Symbol, samples: int) -> Any:
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


def _again(
    module: fx.GraphModule, node: fx.Node, runs: list[dict[fx.Node, Any]], where: Mapping[str, Where]
) -> list[Any]:
    """Return the results of a node for other values of what it reads, which have nothing in common by chance."""
    generator = torch.Generator().manual_seed(1)
    given = [dict(values) for values in runs]
    for read in node.all_input_nodes:
        place, sample = where.get(read.name), runs[0].get(read)
        if isinstance(place, BatchDim) and isinstance(sample, Tensor):
            first, second = (_other_values(values[read], generator) for values in runs[:2])
            both = torch.cat([split_batch(first, place), split_batch(second, place)], place.dim + 1)
            for values, drawn in zip(given, (first, second, both.flatten(place.dim, place.dim + 2)), strict=True):
                values[read] = drawn
    return [evaluate(module, node, values.__getitem__) for values in given]


def _other_values(value: Tensor, generator: torch.Generator) -> Tensor:
    """Return noise for numbers; indices and masks stay, since not all of them would be valid."""
    return torch.randn(value.shape, generator=generator).to(value) if value.is_floating_point() else value


def _locate(node: fx.Node, symbol: sympy.Symbol, symbolic: Any, values: Sequence[Any], again: Again) -> BatchDim | None:
    """Return where one tensor holds its samples, refusing what mixes them."""
    if not isinstance(symbolic, Tensor):
        return None
    dims = [
        dim
        for dim, size in enumerate(symbolic.shape)
        if isinstance(size, torch.SymInt) and symbol in size.node.expr.free_symbols
    ]
    if not dims:
        if not all(near(values[0], other) for other in values[1:]):
            raise _mixes(node, "its result has no batch dimension and yet depends on the samples")
        return None
    if len(dims) > 1:
        raise _mixes(node, f"dimensions {dims} of its result both depend on the number of samples")
    size: Any = symbolic.shape[dims[0]]
    factor, rest = size.node.expr.as_coeff_Mul()
    if rest != symbol:
        factor = sympy.simplify(size.node.expr / symbol)
    if not factor.is_Integer:
        raise _mixes(node, "the size of its result is no multiple of the number of samples")
    return _merged(node, dims[0], int(factor), values, again)


def _merged(node: fx.Node, dim: int, factor: int, values: Sequence[Tensor], again: Again) -> BatchDim:
    """Return how the batch is merged into a dimension, by trying every way to split it.

    Where several ways fit the values, as they do where most of them are zero, or none does, as of indices that change
    between ties, other values tell.
    """
    divisors = [divisor for divisor in range(1, factor + 1) if factor % divisor == 0]
    places = [BatchDim(dim, outer, factor // outer) for outer in divisors]
    fitting = [place for place in places if _fits(place, values)]
    if not fitting and values[0].is_floating_point():
        raise _mixes(node, "its result for some samples changes with the others in the batch")
    if len(fitting) != 1:
        values = again()
        fitting = [place for place in fitting or places if _fits(place, values)]
    if not fitting and not values[0].is_floating_point() and not _reads_samples(node):
        return places[0]  # positions, such as arange(N): what is computed from them is checked
    if not fitting:
        raise _mixes(node, "its result for some samples changes with the others in the batch")
    if len(fitting) > 1 and not _uniform(values[2], dim):
        raise _mixes(node, "its values do not tell how they belong to the samples")
    return fitting[0]


def _fits(place: BatchDim, values: Sequence[Tensor]) -> bool:
    first, second, both = (split_batch(value, place) for value in values)
    return near_joined((first, second), both, place.dim + 1)


def _reads_samples(node: fx.Node) -> bool:
    sizes = [size for read in node.all_input_nodes for size in getattr(read.meta.get("val"), "shape", ())]
    return any(isinstance(size, torch.SymInt) for size in sizes)


def _uniform(value: Tensor, dim: int) -> bool:
    """Tell whether a tensor is the same for all samples, however they are counted."""
    return bool(torch.equal(value, value.narrow(dim, 0, 1).expand_as(value)))


def _mixes(node: fx.Node, why: str) -> SnnfwError:
    return SnnfwError(
        f"operator '{operator_name(node)}' at '{module_path(node) or 'the top of the network'}' mixes the samples of a "
        f"batch: {why}. A spiking network needs every sample computed alone."
    )


def operator_name(node: fx.Node) -> str:
    """Return an operator's short name, such as ``conv2d``."""
    packet = getattr(node.target, "overloadpacket", None)
    return packet.__name__ if packet is not None else getattr(node.target, "__name__", str(node.target))
