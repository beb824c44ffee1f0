"""Where tensors live in memory, and in which layout."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


def memory_of(values: Any) -> frozenset[int]:
    """Return the memory that the tensors of a tree live in, views and all."""
    if isinstance(values, Tensor):
        return frozenset((values.untyped_storage().data_ptr(),))
    return frozenset(
        leaf.untyped_storage().data_ptr() for leaf in pytree.tree_leaves(values) if isinstance(leaf, Tensor)
    )


def is_free(tensor: Tensor, kept: frozenset[int], values: Iterable[Any]) -> bool:
    """Tell whether nothing else lives in a tensor's memory, neither what is kept nor the tensors of some trees."""
    own = memory_of(tensor)
    return own.isdisjoint(kept) and all(own.isdisjoint(memory_of(value)) for value in values)


def to_channels_last(tensor: Tensor) -> Tensor:
    """Return images in channels_last, in which CPU convolutions are two to three times faster."""
    if tensor.dim() == 4 and tensor.device.type == "cpu" and tensor.is_floating_point():
        return tensor.contiguous(memory_format=torch.channels_last)
    return tensor
