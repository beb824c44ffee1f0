"""ResNet for small images (He et al. 2016, section 4.2), as torch modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut, with an activation module of its own at every call."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.downsample = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, outputs, H / stride, W / stride]."""
        residual = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        out: Tensor = self.relu2(residual + self.downsample(x))
        return out


class CifarResNet(nn.Module):
    """ResNet-(6n + 2): three stages of n blocks with ``width``, 2·``width`` and 4·``width`` channels.

    Shortcuts that change the shape are 1×1 convolutions (the paper's option B), not padded copies: a spiking
    network runs convolutions as they are.
    """

    def __init__(self, depth: int = 20, width: int = 16, channels: int = 3, classes: int = 10) -> None:
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"depth is 6n + 2 (8, 14, 20, ...), not {depth}")
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.layer1 = stage(width, width, blocks, stride=1)
        self.layer2 = stage(width, 2 * width, blocks, stride=2)
        self.layer3 = stage(2 * width, 4 * width, blocks, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, classes] for images [N, channels, H, W]."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits


def stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
    """Return blocks of which the first changes channels and resolution."""
    first = Block(inputs, outputs, stride)
    return nn.Sequential(first, *(Block(outputs, outputs, 1) for _ in range(blocks - 1)))
