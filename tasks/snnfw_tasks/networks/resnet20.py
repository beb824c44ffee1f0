"""The ResNet-20 of spiking networks' code: three convolutions, four stages of two blocks, and 64 to 512 channels."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class WideBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut, which is pooled or strided where the resolution changes."""

    def __init__(self, inputs: int, outputs: int, stride: int, pooled: bool, bias: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=bias)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=bias)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.downsample = (
            nn.Identity() if stride == 1 and inputs == outputs else _shortcut(inputs, outputs, stride, pooled, bias)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, outputs, H / stride, W / stride]."""
        residual = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        out: Tensor = self.relu2(residual + self.downsample(x))
        return out


class WideResNet20(nn.Module):
    """A stem of three 3×3 convolutions, four stages of two blocks, and a linear layer: 20 layers with weights.

    The stages have ``width`` to 8 · ``width`` channels, and each but the first halves the resolution. With ``pool`` the
    stem ends in 2×2 average pooling. ``shortcut`` says how a shortcut gets to its resolution: ``pooled`` by averages,
    or ``subsampled``. ``head`` is what is taken over the places that are left, ``bias`` whether convolutions have one.
    """

    def __init__(
        self,
        width: int = 64,
        pool: bool = True,
        shortcut: str = "pooled",
        head: str = "mean",
        bias: bool = False,
        channels: int = 3,
        classes: int = 10,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_stem(channels, width, bias), nn.AvgPool2d(2) if pool else nn.Identity())
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        blocks: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(pairwise(widths)):
            blocks.append(WideBlock(inputs, outputs, 2 if number else 1, shortcut == "pooled", bias))
            blocks.append(WideBlock(outputs, outputs, 1, shortcut == "pooled", bias))
        self.layers = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1) if head == "mean" else nn.AdaptiveMaxPool2d(1)
        self.fc = nn.Linear(widths[-1], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, classes] for images [N, channels, H, W]."""
        logits: Tensor = self.fc(self.pool(self.layers(self.stem(x))).flatten(1))
        return logits


def _stem(channels: int, width: int, bias: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs in (channels, width, width):
        layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=bias), nn.BatchNorm2d(width), nn.ReLU()]
    return layers


def _shortcut(inputs: int, outputs: int, stride: int, pooled: bool, bias: bool) -> nn.Module:
    pool = nn.AvgPool2d(stride) if pooled and stride > 1 else nn.Identity()
    return nn.Sequential(
        pool, nn.Conv2d(inputs, outputs, 1, 1 if pooled else stride, bias=bias), nn.BatchNorm2d(outputs)
    )
