"""The two embedded networks for the embedded digits, with weights that come with the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeAlias

from pydantic import Field

from snnfw_tasks.datasets.digits import PREPARE

if TYPE_CHECKING:
    from torch import nn

    from snnfw.values import Resources
    from snnfw_tasks.labelled import Preprocess

WEIGHTS = Path(__file__).parent.parent / "weights"

OtherWeights: TypeAlias = Annotated[
    Path | None, Field(description="a .safetensors or .pth file instead of the shipped one")
]


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
        return _loaded(self.name, self.weights)


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
        return _loaded(self.name, self.weights)


def untrained(name: str) -> nn.Module:
    """Return one of the two networks with fresh random weights, as training starts from."""
    from snnfw_tasks.models.cifar_resnet import CifarResNet
    from snnfw_tasks.models.vgg import Vgg

    if name == DigitsResNet20.name:
        return CifarResNet(depth=20, width=16, channels=1, classes=10)
    return Vgg(widths=(32, 64, 128), channels=1, classes=10)


def shipped(name: str) -> Path:
    """Return the file with the weights that come with the package."""
    return WEIGHTS / f"{name}.safetensors"


def _loaded(name: str, weights: Path | None) -> nn.Module:
    from snnfw_tasks.models.checkpoint import load_weights

    module = untrained(name)
    load_weights(module, weights or shipped(name))
    return module
