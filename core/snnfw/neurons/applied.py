"""Apply an activation function whose parameters belong to the neuron that applies it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.utils import _pytree as pytree


class BoundFunction(nn.Module):
    """A function whose bound tensors are buffers, copied: a learnt slope moves and converts with the neuron."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        bound = (function.args, function.keywords) if isinstance(function, partial) else ((), {})
        leaves, self._spec = pytree.tree_flatten(bound)
        self._function: Callable[..., Tensor] = function.func if isinstance(function, partial) else function
        self._leaves = tuple(None if isinstance(leaf, Tensor) else leaf for leaf in leaves)
        for number, leaf in enumerate(leaves):
            if isinstance(leaf, Tensor):
                self.register_buffer(f"bound_{number}", leaf.detach().clone())

    def forward(self, drive: Tensor) -> Tensor:
        """Return the function of a current."""
        leaves = [self._buffers.get(f"bound_{number}", leaf) for number, leaf in enumerate(self._leaves)]
        args, keywords = pytree.tree_unflatten(leaves, self._spec)
        return self._function(*args, drive, **keywords)
