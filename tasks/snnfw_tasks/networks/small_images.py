"""Networks for small images by name, with random weights or with yours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from snnfw import Resources

Channels: TypeAlias = Annotated[
    int, Field(ge=1, description="channels of an image: 3 of colour, 1 of grey, 2 of events")
]
Weights: TypeAlias = Annotated[
    Path | None, Field(description="a .safetensors or .pth file; without it random, drawn with the seed")
]

TASKS = ("classification", "events")


@dataclass(frozen=True, slots=True)
class CifarResNetModel:
    """ResNet-20 and its relatives for small images (He et al. 2016, section 4.2)."""

    name: ClassVar[str] = "cifar-resnet"
    tasks: ClassVar[tuple[str, ...]] = TASKS

    depth: Annotated[int, Field(ge=8, description="layers, 6n + 2: 8, 14, 20, ...")] = 20
    width: Annotated[int, Field(ge=1, description="channels of the first of three stages; the others double them")] = 16
    channels: Channels = 3
    weights: Weights = None

    def __post_init__(self) -> None:
        """Refuse a depth that three equal stages do not add up to."""
        if self.depth % 6 != 2:
            below = self.depth - (self.depth - 2) % 6
            raise ValueError(f"depth is 6n + 2, which {self.depth} is not; next to it are {below} and {below + 6}")

    def preprocess(self) -> None:
        """Return nothing: images are prepared as the data source says."""

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network for ``classes`` classes."""
        from snnfw_tasks.networks.cifar_resnet import CifarResNet

        return _build(lambda: CifarResNet(self.depth, self.width, self.channels, classes), self.weights, resources)


@dataclass(frozen=True, slots=True)
class CifarResNet18Model:
    """ResNet-18 with a 3×3 stem and without its max pooling, for small images."""

    name: ClassVar[str] = "cifar-resnet18"
    tasks: ClassVar[tuple[str, ...]] = TASKS

    width: Annotated[int, Field(ge=1, description="channels of the first of four stages; the others double them")] = 64
    channels: Channels = 3
    weights: Weights = None

    def preprocess(self) -> None:
        """Return nothing: images are prepared as the data source says."""

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network for ``classes`` classes."""
        from snnfw_tasks.networks.resnet19 import resnet18

        return _build(lambda: resnet18(self.channels, classes, self.width), self.weights, resources)


@dataclass(frozen=True, slots=True)
class ResNet19Model:
    """ResNet-19, which spiking networks are often trained as (Zheng et al. 2021)."""

    name: ClassVar[str] = "resnet19"
    tasks: ClassVar[tuple[str, ...]] = TASKS

    hidden: Annotated[
        int | None, Field(ge=1, description="width of the hidden linear layer; null for none, as in InfLoR's code")
    ] = 256
    width: Annotated[int, Field(ge=1, description="channels of the first of three stages; the others double them")] = (
        128
    )
    channels: Channels = 3
    weights: Weights = None

    def preprocess(self) -> None:
        """Return nothing: images are prepared as the data source says."""

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network for ``classes`` classes."""
        from snnfw_tasks.networks.resnet19 import resnet19

        return _build(lambda: resnet19(self.channels, classes, self.hidden, self.width), self.weights, resources)


@dataclass(frozen=True, slots=True)
class ResNet20Model:
    """The ResNet-20 of spiking networks' code, with 64 to 512 channels; He et al.'s is ``cifar-resnet``."""

    name: ClassVar[str] = "resnet20"
    tasks: ClassVar[tuple[str, ...]] = TASKS

    width: Annotated[int, Field(ge=1, description="channels of the first of four stages; the others double them")] = 64
    pool: Annotated[bool, Field(description="2 by 2 average pooling behind the first three convolutions")] = True
    shortcut: Annotated[
        Literal["pooled", "subsampled"], Field(description="how shortcuts halve the resolution: averages, or a stride")
    ] = "pooled"
    head: Annotated[Literal["mean", "max"], Field(description="what is taken over the places at the end")] = "mean"
    bias: Annotated[bool, Field(description="convolutions have a bias")] = False
    channels: Channels = 3
    weights: Weights = None

    def preprocess(self) -> None:
        """Return nothing: images are prepared as the data source says."""

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network for ``classes`` classes."""
        from snnfw_tasks.networks.resnet20 import WideResNet20

        own = (self.width, self.pool, self.shortcut, self.head, self.bias)
        return _build(lambda: WideResNet20(*own, self.channels, classes), self.weights, resources)


@dataclass(frozen=True, slots=True)
class Vgg16Model:
    """VGG-16 with batch normalisation (Simonyan and Zisserman 2015), by default as is usual for images of 32×32."""

    name: ClassVar[str] = "vgg16"
    tasks: ClassVar[tuple[str, ...]] = TASKS

    pool: Annotated[Literal["max", "average"], Field(description="how a stage ends: 2 by 2 maximum or mean")] = "max"
    bias: Annotated[bool, Field(description="convolutions have a bias, beside that of the batch norm")] = False
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(description="widths of the hidden linear layers: [] for none, [4096,4096] for ImageNet"),
    ] = (512, 512)
    places: Annotated[int, Field(ge=1, description="side that is left of an image at the end: 7 for ImageNet")] = 1
    dropout: Annotated[float, Field(ge=0, lt=1, description="dropout behind each hidden layer: 0.5 for ImageNet")] = 0.0
    width: Annotated[
        int, Field(ge=8, multiple_of=8, description="channels of the first stage; the last has 8 times as many")
    ] = 64
    channels: Channels = 3
    weights: Weights = None

    def preprocess(self) -> None:
        """Return nothing: images are prepared as the data source says."""

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network for ``classes`` classes."""
        from torch import nn

        from snnfw_tasks.networks.vgg import Vgg16

        pool = nn.MaxPool2d if self.pool == "max" else nn.AvgPool2d
        own: dict[str, Any] = {key: getattr(self, key) for key in ("width", "bias", "hidden", "places", "dropout")}
        return _build(lambda: Vgg16(pool, self.channels, classes, **own), self.weights, resources)


def _build(create: Callable[[], nn.Module], weights: Path | None, resources: Resources) -> nn.Module:
    """Return the network with the weights of a file, or random ones."""
    from snnfw_tasks.networks.checkpoint import build_seeded, load_weights

    module = build_seeded(create, resources.seed)
    if weights:
        load_weights(module, weights)
    return module
