"""The two embedded networks for the embedded digits, with weights that come with the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from snnfw_tasks.classification.data.digits import PREPARE
from snnfw_tasks.networks.shipped import OtherWeights, shipped_weights

if TYPE_CHECKING:
    from torch import nn

    from snnfw import Resources
    from snnfw_tasks.samples.labelled import Preprocess


@dataclass(frozen=True, slots=True)
class DigitsResNet20:
    """A ResNet-20 trained on the embedded digits."""

    name: ClassVar[str] = "digits-resnet20"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    weights: OtherWeights = None

    def preprocess(self) -> Preprocess:
        """Return how the digits were prepared."""
        return PREPARE

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network with ten outputs."""
        del classes, resources  # what was trained is fixed
        return _load(self.name, self.weights)


@dataclass(frozen=True, slots=True)
class DigitsVgg:
    """A VGG with max pooling trained on the embedded digits."""

    name: ClassVar[str] = "digits-vgg"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    weights: OtherWeights = None

    def preprocess(self) -> Preprocess:
        """Return how the digits were prepared."""
        return PREPARE

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network with ten outputs."""
        del classes, resources
        return _load(self.name, self.weights)


def build_untrained(name: str) -> nn.Module:
    """Return one of the two networks with fresh random weights, as training starts from."""
    from snnfw_tasks.networks.cifar_resnet import CifarResNet
    from snnfw_tasks.networks.vgg import Vgg

    if name == DigitsResNet20.name:
        return CifarResNet(depth=20, width=16, channels=1, classes=10)
    return Vgg(widths=(32, 64, 128), channels=1, classes=10)


def _load(name: str, weights: Path | None) -> nn.Module:
    from snnfw_tasks.networks.checkpoint import load_weights

    module = build_untrained(name)
    load_weights(module, weights or shipped_weights(name))
    return module
