"""Pick samples out of a network's output, whatever tree of tensors that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from snnfw.capture.graph import BatchDim, Graph, split_batch
from snnfw.neurons.timefold import select
from snnfw.values import Output


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where each leaf of a network's output holds its samples; None where it holds none."""

    places: Sequence[BatchDim | None]

    def select(self, output: Output, samples: Tensor) -> Output:
        """Return the output of the samples with these indices ([K], long)."""
        return self._map(partial(_select, samples=samples), output)

    def count(self, output: Output) -> tuple[int, torch.device]:
        """Return how many samples an output holds, and where it lies."""
        found = zip(pytree.tree_leaves(output), self.places, strict=True)
        leaf, place = next((leaf, place) for leaf, place in found if place is not None)
        return leaf.shape[place.dim] // (place.outer * place.inner), leaf.device

    def replace(self, output: Output, samples: Tensor, new: Output, rows: Tensor) -> Output:
        """Return the output with some rows of ``new`` in the place of ``samples``."""
        return self._map(partial(_replace, samples=samples, rows=rows), output, new)

    def _map(self, function: Callable[..., Tensor], *outputs: Output) -> Output:
        """Apply ``function(place, *leaves)`` to every tensor of outputs that holds samples; keep the first's others."""
        flat, spec = pytree.tree_flatten(outputs[0])
        others = (pytree.tree_leaves(output) for output in outputs[1:])
        mapped = [
            leaves[0] if place is None else function(place, *leaves)
            for place, *leaves in zip(self.places, flat, *others, strict=True)
        ]
        return pytree.tree_unflatten(mapped, spec)


def outputs_of(graph: Graph) -> Outputs:
    """Return how to pick samples out of what a graph returns."""
    results = pytree.tree_leaves(graph.output.args[0])
    return Outputs([graph.where[result.name] if isinstance(result, fx.Node) else None for result in results])


def _select(place: BatchDim, leaf: Tensor, samples: Tensor) -> Tensor:
    return select(leaf, place, samples)


def _replace(place: BatchDim, kept: Tensor, new: Tensor, samples: Tensor, rows: Tensor) -> Tensor:
    """Return the kept outputs with the given rows of ``new`` in the place of ``samples``."""
    chosen = split_batch(new, place).index_select(place.dim + 1, rows)
    return split_batch(kept, place).index_copy(place.dim + 1, samples, chosen).flatten(place.dim, place.dim + 2)
