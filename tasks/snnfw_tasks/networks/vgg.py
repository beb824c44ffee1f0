"""VGG for small images (Simonyan and Zisserman 2015, with batch normalisation), as torch modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

SIXTEEN = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""The stages of the paper's network D: channels, and how many convolutions with them."""


class Vgg(nn.Module):
    """Stages of two 3×3 convolutions, each stage closed by 2×2 max pooling, and one linear layer on top.

    With three stages the images are 8×8 or larger; what is left of them is averaged.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128), channels: int = 3, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(*_layers(channels, [(width, 2) for width in widths], nn.MaxPool2d))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(widths[-1], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, classes] for images [N, channels, H, W]."""
        logits: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return logits


class Vgg16(nn.Module):
    """Thirteen 3×3 convolutions in five stages, each closed by 2×2 pooling, and three linear layers.

    The two hidden linear layers have 512 outputs, as is usual for images of 32×32, and there is no dropout. Images are
    32×32 or larger; what is left of them is averaged.
    """

    def __init__(self, pool: Callable[[int], nn.Module] = nn.MaxPool2d, channels: int = 3, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(*_layers(channels, SIXTEEN, pool))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, classes)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, classes] for images [N, channels, H, W]."""
        logits: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return logits


def _layers(channels: int, stages: Iterable[tuple[int, int]], pool: Callable[[int], nn.Module]) -> Iterator[nn.Module]:
    """Yield the feature layers in order; a stage is its channels and how many convolutions it has."""
    for width, convolutions in stages:
        for _ in range(convolutions):
            yield nn.Conv2d(channels, width, 3, padding=1, bias=False)
            yield nn.BatchNorm2d(width)
            yield nn.ReLU()
            channels = width
        yield pool(2)
