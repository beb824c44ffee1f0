"""The quantised activation that a network is trained with: clipped, floored, and shifted by half a step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from snnfw import SnnfwError


@torch.library.custom_op("snnfw_activation::qcfs", mutates_args=())
def qcfs(x: Tensor, threshold: Tensor, levels: int) -> Tensor:
    """Return λ · floor(L · clip(x/λ, 0, 1) + 1/2) / L, element by element; λ is a single number."""
    return _levels(x / threshold, levels) * threshold


@qcfs.register_fake
def _(x: Tensor, threshold: Tensor, levels: int) -> Tensor:
    del threshold, levels
    return torch.empty_like(x)


def _levels(share: Tensor, levels: int) -> Tensor:
    """Return the share of λ rounded to one of L + 1 levels."""
    return share.clamp(0, 1).mul_(levels).add_(0.5).floor_().div_(levels)


def _remember(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: Tensor) -> None:
    del output
    x, threshold, ctx.levels = inputs
    ctx.save_for_backward(x, threshold)


def _gradient(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
    """Take the floor's derivative for 1 (straight through), and autograd's for the rest.

    ∂y/∂x = 1 where 0 <= x/λ <= 1, else 0; ∂y/∂λ = y/λ - x/λ there, 0 below and 1 above.
    """
    x, threshold = ctx.saved_tensors
    share = x / threshold
    inside = (share >= 0) & (share <= 1)
    of_threshold = _levels(share, ctx.levels) - torch.where(inside, share, torch.zeros_like(share))
    return gradient * inside, (gradient * of_threshold).sum().reshape(threshold.shape), None


qcfs.register_autograd(_gradient, setup_context=_remember)


class QCFS(nn.Module):
    """Clip at λ and round to ``levels`` (L) steps of λ/L; λ is learnt, one for the layer, from ``threshold`` on.

    y = λ · clip(floor(x·L/λ + 1/2)/L, 0, 1), Bu et al. (2022). It stands where a ReLU stood; inputs have any shape.
    """

    def __init__(self, levels: int = 8, threshold: float = 8.0) -> None:
        super().__init__()
        if levels < 1 or not threshold > 0:
            raise SnnfwError(f"QCFS needs at least one level and a positive threshold: got {levels} and {threshold}.")
        self.levels = levels
        self.threshold = nn.Parameter(torch.tensor(float(threshold)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation in the input's shape."""
        result: Tensor = qcfs(x, self.threshold, self.levels)
        return result

    def extra_repr(self) -> str:
        """Return the parameters that the printed network shows."""
        return f"levels={self.levels}, threshold={self.threshold.item():g}"


def with_qcfs(network: nn.Module, levels: int = 8, threshold: float = 8.0) -> nn.Module:
    """Put a QCFS in place of every ``nn.ReLU`` module of a network, in place, and return the network.

    Raises:
        SnnfwError: the network has no such module: its ReLUs are calls of a function then.

    """
    replaced = 0
    for module in list(network.modules()):
        for name, child in module.named_children():
            if type(child) is nn.ReLU:
                setattr(module, name, QCFS(levels, threshold))
                replaced += 1
    if not replaced:
        raise SnnfwError(
            "the network has no nn.ReLU module to replace: use QCFS() in its code where it calls relu() as a function."
        )
    return network
