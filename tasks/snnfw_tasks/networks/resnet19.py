"""ResNet-19 (Zheng et al. 2021) and ResNet-18 for small images, as torch modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from snnfw_tasks.networks.cifar_resnet import stage

if TYPE_CHECKING:
    from torch import Tensor


class StagedResNet(nn.Module):
    """A 3×3 convolution, stages of residual blocks, an average over the image, and one or two linear layers.

    ``stages`` are channels and blocks; every stage but the first halves the resolution. ``hidden`` is the width of a
    linear layer with an activation before the last one.
    """

    def __init__(
        self, stages: tuple[tuple[int, int], ...], hidden: int | None = None, channels: int = 3, classes: int = 10
    ) -> None:
        super().__init__()
        width = stages[0][0]
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        inputs = (width, *(outputs for outputs, _ in stages))
        self.layers = nn.Sequential(
            *(
                stage(inputs[number], outputs, blocks, stride=2 if number else 1)
                for number, (outputs, blocks) in enumerate(stages)
            )
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        last = stages[-1][0]
        self.hidden = nn.Sequential(nn.Linear(last, hidden), nn.ReLU()) if hidden else nn.Identity()
        self.fc = nn.Linear(hidden or last, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, classes] for images [N, channels, H, W]."""
        x = self.layers(self.relu(self.bn1(self.conv1(x))))
        logits: Tensor = self.fc(self.hidden(self.avgpool(x).flatten(1)))
        return logits


def resnet19(channels: int = 3, classes: int = 10, hidden: int | None = 256, width: int = 128) -> StagedResNet:
    """Return the network of Zheng et al. ("Going Deeper With Directly-Trained Larger Spiking Neural Networks").

    ``width`` are the channels of its first stage. The code that InfLoR's authors published has no hidden layer.
    """
    return StagedResNet(((width, 3), (2 * width, 3), (4 * width, 2)), hidden, channels, classes)


def resnet18(channels: int = 3, classes: int = 10, width: int = 64) -> StagedResNet:
    """Return ResNet-18 with a 3×3 stem and without its max pooling, which leave little of an image of 32×32."""
    return StagedResNet(((width, 2), (2 * width, 2), (4 * width, 2), (8 * width, 2)), None, channels, classes)
