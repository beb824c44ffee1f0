"""Move time between a dimension of its own, [T, ...], and the batch dimension, where the network runs on it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from snnfw.capture.graph import BatchDim, Where, map_leaves, split_batch


def unfold(stream: Tensor, place: BatchDim, steps: int) -> Tensor:
    """Return [T, *shape] from a stream whose batch dimension holds T · N samples, timestep by timestep.

    A view wherever the batch is merged with nothing outside it.
    """
    if place.dim == 0 and place.outer == 1:
        whole: Tensor = stream.unflatten(0, (steps, -1))  # as below, in one view rather than in three
        return whole
    split: Tensor = stream.unflatten(place.dim, (place.outer, steps, -1)).movedim(place.dim + 1, 0)
    return split.flatten(place.dim + 1, place.dim + 2)


def fold(sequence: Tensor, place: BatchDim) -> Tensor:
    """Return the stream with T · N samples in its batch dimension from [T, *shape]: the inverse of ``unfold``."""
    if place.dim == 0 and place.outer == 1:
        return sequence.flatten(0, 1)
    split: Tensor = sequence.unflatten(place.dim + 1, (place.outer, -1)).movedim(0, place.dim + 1)
    return split.flatten(place.dim, place.dim + 2)


def repeat(value: Tensor, place: BatchDim, steps: int) -> Tensor:
    """Return a constant as a stream that holds it at each of ``steps`` timesteps."""
    return fold(value.unsqueeze(0).expand(steps, *value.shape), place)


def select(value: Tensor, place: BatchDim, keep: Tensor) -> Tensor:
    """Return the samples with indices ``keep`` ([K], long) of a tensor without time."""
    return split_batch(value, place).index_select(place.dim + 1, keep).flatten(place.dim, place.dim + 2)


def repeat_leaves(value: Any, where: Where, steps: int) -> Any:
    """Return a constant, which may be a tree of tensors, as a stream that holds it at each of ``steps`` timesteps."""
    return map_leaves(lambda place, leaf: leaf if place is None else repeat(leaf, place, steps), where, value)


def select_leaves(value: Any, where: Where, keep: Tensor) -> Any:
    """Return the samples with indices ``keep`` ([K], long) of a tree of tensors without time."""
    return map_leaves(lambda place, leaf: leaf if place is None else select(leaf, place, keep), where, value)


def sum_per_sample(value: Tensor, place: BatchDim) -> Tensor:
    """Return the sum over everything but the samples, [N]."""
    return split_batch(value, place).movedim(place.dim + 1, 0).flatten(1).sum(1)
