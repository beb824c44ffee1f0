"""YOLOv2 on Darknet-19 or ResNet-50, and Tiny YOLO (Redmon & Farhadi 2017): one grid of 32 pixels, five anchors.

The backbone is apart from the head, which AdaFire leaves analog.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Callable

CELL = 32
"""Side of a cell of the grid in pixels."""
ANCHORS: dict[str, tuple[tuple[float, float], ...]] = {
    "voc": ((1.19, 1.98), (2.79, 4.59), (4.53, 8.92), (8.06, 5.29), (10.32, 10.65)),
    "coco": ((0.53, 0.79), (1.71, 2.36), (2.89, 6.44), (6.33, 3.79), (9.03, 9.74)),
}
"""Widths and heights in cells."""
SMALLEST = 1e-6
"""The least score of a class of which a logit is told."""

DARKNET_19 = (
    "32 M 64 M 128 64/1 128 M 256 128/1 256 M 512 256/1 512 256/1 512",
    "M 1024 512/1 1024 512/1 1024",
)
"""Outputs of convolutions, 3 by 3 unless /1 follows, and M for a maximum over 2 by 2: to stride 16, and on to 32."""
TINY = "16 M 32 M 64 M 128 M 256 M 512 m 1024 1024"
"""Behind m the map keeps its size."""
TINY_STRIDED = "16s 32s 64s 128s 256s 512 1024 1024"
"""The same with convolutions of stride 2 (s) for the maxima."""


def activation(kind: str) -> nn.Module:
    """Return an activation by name."""
    return nn.ReLU() if kind == "relu" else nn.LeakyReLU(0.1)


def layer(inputs: int, outputs: int, kernel: int, kind: str, stride: int = 1) -> nn.Sequential:
    """Return a convolution with its batch norm and activation."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), activation(kind))


class KeepingPool(nn.Module):
    """The maximum of each place, its right, its lower and its lower right neighbour."""

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same size."""
        return F.max_pool2d(x, 2, 1, 1)[:, :, 1:, 1:]


def stack(words: str, inputs: int, kind: str, scale: float = 1.0) -> tuple[nn.Sequential, int]:
    """Return the layers that words describe, and how many channels they end in."""
    layers: list[nn.Module] = []
    for word in words.split():
        if word in ("M", "m"):
            layers.append(nn.MaxPool2d(2) if word == "M" else KeepingPool())
            continue
        count, _, kernel = word.rstrip("s").partition("/")
        outputs = max(1, round(int(count) * scale))
        layers.append(layer(inputs, outputs, int(kernel or 3), kind, 2 if word.endswith("s") else 1))
        inputs = outputs
    return nn.Sequential(*layers), inputs


class Darknet19(nn.Module):
    """Darknet-19 without its classifier; ``outputs`` are the channels of both maps that it returns."""

    def __init__(self, kind: str, scale: float) -> None:
        super().__init__()
        self.fine, middle = stack(DARKNET_19[0], 3, kind, scale)
        self.coarse, last = stack(DARKNET_19[1], middle, kind, scale)
        self.outputs = (middle, last)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps of strides 16 and 32."""
        fine = self.fine(images)
        return fine, self.coarse(fine)


class ResNet50(nn.Module):
    """torchvision's ResNet-50 without its classifier."""

    outputs = (1024, 2048)

    def __init__(self) -> None:
        from torchvision.models import resnet50

        super().__init__()
        whole = resnet50()
        self.stem = nn.Sequential(whole.conv1, whole.bn1, whole.relu, whole.maxpool)
        self.layer1, self.layer2, self.layer3, self.layer4 = whole.layer1, whole.layer2, whole.layer3, whole.layer4

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps of strides 16 and 32."""
        fine = self.layer3(self.layer2(self.layer1(self.stem(images))))
        return fine, self.layer4(fine)


def space_to_depth(x: Tensor) -> Tensor:
    """Return [N, 4C, H/2, W/2]: of each square of 2×2 places the channels of the first, then of the one beside it ...

    ``torch.nn.PixelUnshuffle`` has the places of the first channel first.
    """
    n, c, h, w = x.shape
    return x.view(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(n, 4 * c, h // 2, w // 2)


class Head(nn.Module):
    """Both maps of a backbone brought together; ``narrow`` makes the coarse one thinner first."""

    def __init__(self, inputs: tuple[int, int], narrow: bool, outputs: int, kind: str, scale: float) -> None:
        super().__init__()
        wide, aside = round(1024 * scale), max(1, round((128 if narrow else 64) * scale))
        first = [layer(inputs[1], wide, 1, kind)] if narrow else []
        begins = wide if narrow else inputs[1]
        self.main = nn.Sequential(*first, layer(begins, wide, 3, kind), layer(wide, wide, 3, kind))
        self.aside = layer(inputs[0], aside, 1, kind)
        self.join = nn.Sequential(layer(4 * aside + wide, wide, 3, kind), nn.Conv2d(wide, outputs, 1))

    def forward(self, maps: tuple[Tensor, Tensor]) -> Tensor:
        """Return what is predicted of every cell, [N, outputs, H, W]."""
        fine, coarse = maps
        joined: Tensor = self.join(torch.cat([space_to_depth(self.aside(fine)), self.main(coarse)], 1))
        return joined


class AnchoredDetector(nn.Module):
    """A network that predicts so much of every cell, with its predictions decoded by ``anchors``."""

    def __init__(
        self,
        backbone: nn.Module,
        head: Callable[[int], nn.Module],
        anchors: Sequence[tuple[float, float]],
        classes: int,
    ) -> None:
        super().__init__()
        self.anchors, self.classes = tuple(anchors), classes
        self.backbone, self.head = backbone, head(len(self.anchors) * (5 + classes))
        self.stride = torch.tensor([float(CELL)])

    def forward(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return boxes and scores [N, 4 + K, A·H·W] of images from 0 to 1, the scores' logits, and what was decoded."""
        raw = self.head(self.backbone(images))
        found = decode(raw, self.anchors, self.classes)
        return found, {"scores": found[:, 4:].clamp(SMALLEST, 1 - SMALLEST).logit(), "cells": raw}


def split_cells(raw: Tensor, anchors: int, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return objectness [N, A, H, W], classes [N, A, K, H, W] and boxes [N, A, 4, H, W] of what is predicted.

    Channels hold the objectness of all anchors, then each anchor's classes, then each anchor's x, y, w, h.
    """
    objects, rated, boxes = raw.split([anchors, anchors * classes, anchors * 4], 1)
    return objects, rated.unflatten(1, (anchors, classes)), boxes.unflatten(1, (anchors, 4))


def decode(raw: Tensor, anchors: Sequence[tuple[float, float]], classes: int) -> Tensor:
    """Return boxes (middle, width, height in pixels) and scores [N, 4 + K, A·H·W] of what is predicted [N, .., H, W].

    The middle is the sigmoid, from the cell's corner on, the side the anchor's times the exponential; a score is that
    of the object times the softmax of its classes, of which the likeliest alone counts.
    """
    n, _, height, width = raw.shape
    objects, rated, predicted = split_cells(raw, len(anchors), classes)
    shares = rated.softmax(2)
    best = shares == shares.amax(2, keepdim=True)
    x, y, w, h = predicted.unbind(2)
    columns, rows = torch.arange(width).to(raw), torch.arange(height).to(raw)[:, None]
    sides = torch.tensor(anchors).to(raw)[:, :, None, None]
    boxes = torch.stack([x.sigmoid() + columns, y.sigmoid() + rows, w.exp() * sides[:, 0], h.exp() * sides[:, 1]], 2)
    return (
        torch.cat([boxes * CELL, objects.sigmoid()[:, :, None] * shares * best], 2)
        .transpose(1, 2)
        .reshape(n, 4 + classes, -1)
    )


def yolov2(backbone: str, kind: str, anchors: str, classes: int, scale: float = 1.0) -> AnchoredDetector:
    """Return YOLOv2; ``scale`` narrows Darknet-19 and the head."""
    body = ResNet50() if backbone == "resnet50" else Darknet19(kind, scale)

    def head(outputs: int) -> nn.Module:
        return Head(body.outputs, backbone == "resnet50", outputs, kind, scale)

    return AnchoredDetector(body, head, ANCHORS[anchors], classes)


def tiny_yolo(kind: str, pool: str, anchors: str, classes: int, scale: float = 1.0) -> AnchoredDetector:
    """Return Tiny YOLO, all of which but the last convolution is its backbone."""
    body, last = stack(TINY if pool == "max" else TINY_STRIDED, 3, kind, scale)
    return AnchoredDetector(body, lambda outputs: nn.Conv2d(last, outputs, 1), ANCHORS[anchors], classes)
