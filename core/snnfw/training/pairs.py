"""Batches as Lightning gets them: it moves and casts the tensors of a target, and finds nothing else to look into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor
from torch.utils import _pytree as pytree

from snnfw.values import Inputs


class Rest:
    """What a target holds beside its tensors; no dataclass, of which Lightning would want to set the fields."""

    def __init__(self, leaves: list[Any], spec: Any) -> None:
        self.leaves, self.spec = leaves, spec


Pair: TypeAlias = tuple[Inputs, list[Tensor], Rest]
"""What the network is called with, the tensors of the target, and where in it they belong."""


@dataclass(frozen=True, slots=True)
class _Here:
    """The place of a tensor in a target."""


def make_pair(inputs: Inputs, target: Any) -> Pair:
    """Take a target apart into its tensors and the rest of it."""
    leaves, spec = pytree.tree_flatten(target)
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    return inputs, tensors, Rest([_Here() if isinstance(leaf, Tensor) else leaf for leaf in leaves], spec)


def split_pair(pair: Pair) -> tuple[Inputs, Any]:
    """Return the inputs and the target of a batch, put together again."""
    inputs, tensors, rest = pair
    left = iter(tensors)
    leaves = [next(left) if isinstance(leaf, _Here) else leaf for leaf in rest.leaves]
    return inputs, pytree.tree_unflatten(leaves, rest.spec)
