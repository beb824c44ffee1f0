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
    """Thirteen 3×3 convolutions in five stages, each closed by 2×2 pooling, and linear layers.

    By default it is what is usual for images of 32×32: two hidden linear layers of 512 and no dropout. What is left of
    an image is averaged to ``places`` by ``places``. With ``bias``, ``hidden`` = (4096, 4096), 7 places and dropout it
    is the network for ImageNet, and has the parameters of torchvision's vgg16_bn by the same names. ``width`` are the
    channels of the first stage, ``pool`` what closes a stage.
    """

    def __init__(
        self,
        pool: Callable[[int], nn.Module] = nn.MaxPool2d,
        channels: int = 3,
        classes: int = 10,
        *,
        width: int = 64,
        bias: bool = False,
        hidden: tuple[int, ...] = (512, 512),
        places: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        stages = [(outputs * width // 64, convolutions) for outputs, convolutions in SIXTEEN]
        self.features = nn.Sequential(*_layers(channels, stages, pool, bias))
        self.avgpool = nn.AdaptiveAvgPool2d(places)
        layers: list[nn.Module] = []
        inputs = stages[-1][0] * places**2
        for outputs in hidden:
            layers += [nn.Linear(inputs, outputs), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])]
            inputs = outputs
        self.classifier = nn.Sequential(*layers, nn.Linear(inputs, classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, classes] for images [N, channels, H, W]."""
        logits: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return logits


def _layers(
    channels: int, stages: Iterable[tuple[int, int]], pool: Callable[[int], nn.Module], bias: bool = False
) -> Iterator[nn.Module]:
    """Yield the feature layers in order; a stage is its channels and how many convolutions it has."""
    for width, convolutions in stages:
        for _ in range(convolutions):
            yield nn.Conv2d(channels, width, 3, padding=1, bias=bias)
            yield nn.BatchNorm2d(width)
            yield nn.ReLU()
            channels = width
        yield pool(2)
