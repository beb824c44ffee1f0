"""Re-parameterised convolutions: trained as several thin ones with a batch norm between, served as one dense one."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-3
MOMENTUM = 0.03


def norm(channels: int) -> nn.BatchNorm2d:
    """Return a batch norm as SpikeYOLO and ultralytics have it."""
    return nn.BatchNorm2d(channels, EPSILON, MOMENTUM)


def convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = False
) -> nn.Conv2d:
    """Return a convolution that keeps the size, but for its stride."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)


def estimates(module: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance that a batch norm estimates, each [C]."""
    return cast("tuple[Tensor, Tensor]", (module.running_mean, module.running_var))


class PaddingNorm(nn.BatchNorm2d):
    """A batch norm, then a ring of one place with what it makes of 0: as if its input had been padded with zeros.

    The ring follows the estimates, while training too, and passes no gradient.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, EPSILON, MOMENTUM)

    def gain_and_shift(self) -> tuple[Tensor, Tensor]:
        """Return the gain and the shift of its estimates, γ/√(σ² + ε) and β - μγ/√(σ² + ε), each [C]."""
        mean, variance = estimates(self)
        gain = self.weight.detach() * (variance + self.eps).rsqrt()
        return gain, self.bias.detach() - mean * gain

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, C, H + 2, W + 2]."""
        ring = self.gain_and_shift()[1][:, None, None]
        return F.pad(super().forward(x) - ring, (1, 1, 1, 1)) + ring


class DepthwiseBracket(nn.Module):
    """A padding norm, a 1×1 convolution and a 3×3 one in each channel: a dense 3×3 convolution in all."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm, self.mix = PaddingNorm(inputs), nn.Conv2d(inputs, outputs, 1, bias=False)
        self.look = nn.Conv2d(outputs, outputs, 3, groups=outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, outputs, H, W]."""
        looked: Tensor = self.look(self.mix(self.norm(x)))
        return looked

    def merged(self) -> tuple[Tensor, Tensor]:
        """Return the weight [outputs, inputs, 3, 3] and the bias [outputs] of the dense convolution."""
        gain, shift = (each.double() for each in self.norm.gain_and_shift())
        mix, look = self.mix.weight.double()[:, :, 0, 0], self.look.weight.double()[:, 0]
        weight = torch.einsum("oi,ohw->oihw", mix * gain, look)
        return weight, look.sum((1, 2)) * (mix @ shift)


class Reparameterised(nn.Module):
    """1×1, a padding norm, 3×3 in each channel, 1×1 and a batch norm: a dense 3×3 convolution in all."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.enter, self.ring = nn.Conv2d(inputs, inputs, 1, bias=False), PaddingNorm(inputs)
        self.look = nn.Conv2d(inputs, inputs, 3, groups=inputs, bias=False)
        self.leave, self.norm = nn.Conv2d(inputs, outputs, 1, bias=False), norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, outputs, H, W]."""
        left: Tensor = self.norm(self.leave(self.look(self.ring(self.enter(x)))))
        return left

    def merged(self) -> tuple[Tensor, Tensor]:
        """Return the weight [outputs, inputs, 3, 3] and the bias [outputs] of the dense convolution."""
        gain, shift = (each.double() for each in self.ring.gain_and_shift())
        enter, look = self.enter.weight.double()[:, :, 0, 0], self.look.weight.double()[:, 0]
        mean, variance = (each.double() for each in estimates(self.norm))
        scale = self.norm.weight.double() / (variance + self.norm.eps).sqrt()
        leave = scale[:, None] * self.leave.weight.double()[:, :, 0, 0]
        weight = torch.einsum("om,mhw,mi->oihw", leave, look, gain[:, None] * enter)
        bias = leave @ (look.sum((1, 2)) * shift) + self.norm.bias.double() - mean * scale
        return weight, bias


@torch.no_grad()
def merge_convolutions(network: nn.Module) -> None:
    """Put every re-parameterised convolution of a network together, in its place: the same outputs, one operator."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, DepthwiseBracket | Reparameterised):
                weight, bias = child.merged()
                setattr(module, name, _dense(weight, bias, next(child.parameters())))


def _dense(weight: Tensor, bias: Tensor, like: Tensor) -> nn.Conv2d:
    outputs, inputs = weight.shape[:2]
    dense = nn.Conv2d(inputs, outputs, 3, padding=1, device=like.device, dtype=like.dtype)
    dense.weight.copy_(weight)
    if dense.bias is not None:
        dense.bias.copy_(bias)
    return dense.eval()
