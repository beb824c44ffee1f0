"""VGG for small images (Simonyan and Zisserman 2015, with batch normalisation), as torch modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


class Vgg(nn.Module):
    """Stages of two 3×3 convolutions, each stage closed by 2×2 max pooling, and one linear layer on top.

    With three stages the images are 8×8 or larger; what is left of them is averaged.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128), channels: int = 3, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(*_layers(channels, widths))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(widths[-1], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, classes] for images [N, channels, H, W]."""
        logits: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return logits


def _layers(channels: int, widths: tuple[int, ...]) -> Iterator[nn.Module]:
    """Yield the feature layers in order."""
    for width in widths:
        for _ in range(2):
            yield nn.Conv2d(channels, width, 3, padding=1, bias=False)
            yield nn.BatchNorm2d(width)
            yield nn.ReLU()
            channels = width
        yield nn.MaxPool2d(2)
