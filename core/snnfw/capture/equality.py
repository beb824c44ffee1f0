"""Compare a captured graph with its network, channel by channel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils import _pytree as pytree

from snnfw.capture.graph import Graph, is_summable
from snnfw.capture.precision import full_float32
from snnfw.capture.refusals import explain_randomness
from snnfw.errors import SnnfwError
from snnfw.values import Inputs

TOLERANCE = {torch.float64: 1e-5}
"""Largest difference between graph and network, as a share of a channel's largest output: folding rounds."""

COARSE = 1e-3
"""The same in any other precision, in which long sums round too."""


@torch.no_grad()
@full_float32()
def check_equal(model: nn.Module, graph: Graph, inputs: Inputs, computed: list[Any]) -> None:
    """Refuse a graph that does not compute what the network does; ``computed`` is what it computed, leaf by leaf.

    Where the network's own precision is too coarse to tell, both are run in float64.
    """
    expected = network_outputs(model, inputs)
    if any(bool(leaf.isnan().any()) for leaf in expected if _compares(leaf)):
        raise SnnfwError("the network's output holds NaN for the example inputs: check its weights.")
    wrong = _first_difference(computed, expected)
    if wrong is None or _equal_in_double(model, graph, inputs):
        return
    if is_random(model, inputs):
        raise SnnfwError(explain_randomness(graph.nodes))
    raise SnnfwError(
        f"the captured graph does not compute what the network computes (output {wrong}, a batch of {len(inputs[0])} "
        "samples): its forward probably depends on values or on the batch size."
    )


def is_random(model: nn.Module, inputs: Inputs) -> bool:
    """Tell whether a network gives another answer each time."""
    once, again = network_outputs(model, inputs), network_outputs(model, inputs)
    return any(
        not torch.allclose(a, b, rtol=1e-4, equal_nan=True) for a, b in zip(once, again, strict=True) if _compares(a)
    )


@torch.no_grad()
def network_outputs(model: nn.Module, inputs: Inputs, dtype: torch.dtype | None = None) -> list[Any]:
    """Return the leaves of a network's output, in another precision if asked for; nothing given is changed."""
    state = {name: _to_dtype(value, dtype).clone() for name, value in model.named_buffers()}
    if dtype is not None:
        state |= {name: _to_dtype(value, dtype) for name, value in model.named_parameters()}
    return pytree.tree_leaves(functional_call(model, state, tuple(_to_dtype(x, dtype).clone() for x in inputs)))


def _equal_in_double(model: nn.Module, graph: Graph, inputs: Inputs) -> bool:
    """Tell whether both agree in float64; not where they cannot be run in it."""
    if any(tensor.dtype is torch.float64 for tensor in inputs):
        return False
    try:
        expected = network_outputs(model, inputs, torch.float64)
        computed = network_outputs(graph.module, inputs, torch.float64)
    except (RuntimeError, TypeError):  # constants of another precision
        return False
    return _first_difference(computed, expected) is None


def _first_difference(computed: list[Any], expected: list[Any]) -> int | None:
    for index, (ours, theirs) in enumerate(zip(computed, expected, strict=True)):
        if _compares(theirs) and not (ours.shape == theirs.shape and _agrees(ours, theirs)):
            return index
    return None


def _compares(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and is_summable(leaf)


def _agrees(ours: Tensor, theirs: Tensor) -> bool:
    """Tell whether every element is within the tolerance of the smallest scale that it has part in.

    There is a scale for each index of each dimension but the batch's, so that class scores beside boxes in pixels are
    held against class scores. Rounding in the whole tensor's largest values is forgiven.
    """
    size = theirs.abs().masked_fill(theirs.isinf(), 0)
    scale = size.max() if size.numel() else size.sum()
    smallest = scale.expand_as(size)
    for dim in range(1, size.dim()):
        others = [other for other in range(size.dim()) if other != dim]
        smallest = torch.minimum(smallest, size.amax(others, keepdim=True))
    real = size.dtype
    rounding = 16 * torch.finfo(real).eps * scale
    near = (ours - theirs).abs() <= TOLERANCE.get(real, COARSE) * smallest + rounding
    return bool((near | (ours == theirs)).all())


def _to_dtype(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    return value.to(dtype) if dtype is not None and value.is_floating_point() else value
