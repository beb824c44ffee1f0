"""Change what a published network does with its input and its maxima, its own weights staying as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

COLOURS = 3


class Adapted(nn.Module):
    """A 3×3 convolution from so many channels to three, and a network of colour images behind it."""

    def __init__(self, network: nn.Module, inputs: int) -> None:
        super().__init__()
        self.adapter = nn.Conv2d(inputs, COLOURS, 3, padding=1)
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return the network's output for [N, inputs, H, W]."""
        out: Tensor = self.network(self.adapter(x))
        return out


def adapt(network: nn.Module, pool: str = "given", inputs: int | None = None) -> nn.Module:
    """Return the network with averages in place of maxima, ``pool`` being ``average``, and another input."""
    if pool == "average":
        average_pools(network)
    return Adapted(network, inputs) if inputs is not None else network


def average_pools(module: nn.Module) -> None:
    """Replace every 2-D max pooling by an average over the same window, zeros at the border among what is averaged."""
    for name, child in module.named_children():
        if isinstance(child, nn.MaxPool2d):
            setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode))
        else:
            average_pools(child)
