"""The architecture of SpikeYOLO (Luo et al. 2024), with a ReLU at every place of a neuron.

Its blocks send what neurons read over real-valued shortcuts: an activation stands before each convolution, and none
behind a sum. ``merge`` puts the re-parameterised convolutions together, each into a dense one, as they are served.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snnfw_tasks.detection.models.merging import DepthwiseBracket, Reparameterised, convolution, norm

STRIDES = (8, 16, 32)
BINS = 16
"""Of the distribution of a box's distances, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How wide a SpikeYOLO is, as a share of 128 channels in stage 2, and how often its blocks come."""

    width: float
    depth: float

    @property
    def channels(self) -> tuple[int, int, int, int]:
        """Return the channels of stages 2 to 5."""
        first, second, third, fourth = (max(1, round(base * self.width)) for base in (128, 256, 512, 1024))
        return first, second, third, fourth

    def repeats(self, base: int) -> int:
        """Return how often a block comes, halves rounded to the even number."""
        return max(1, round(base * self.depth))


SIZES = {"n": Scale(0.375, 0.33), "s": Scale(0.5, 0.33), "m": Scale(0.625, 0.5), "l": Scale(0.75, 0.5)}


def spiking(inputs: int, outputs: int, kernel: int, stride: int = 1, bias: bool = False) -> nn.Sequential:
    """Return an activation, a convolution and its batch norm."""
    return nn.Sequential(nn.ReLU(), convolution(inputs, outputs, kernel, stride, bias=bias), norm(outputs))


class Separable(nn.Sequential):
    """Widen, look around in each channel by itself, and come back, with a re-parameterised convolution."""

    def __init__(self, channels: int) -> None:
        wide = 2 * channels
        super().__init__(
            spiking(channels, wide, 1),
            nn.Sequential(nn.ReLU(), convolution(wide, wide, 7, groups=wide), norm(wide)),
            nn.Sequential(nn.ReLU(), DepthwiseBracket(wide, channels), norm(channels)),
        )


class Block(nn.Module):
    """y = x + Sep(x), y + Mix(y): ``dense`` mixes channels by plain 3×3 convolutions, else by re-parameterised ones."""

    def __init__(self, channels: int, widening: int, dense: bool) -> None:
        super().__init__()
        wide = widening * channels
        self.separable = Separable(channels)
        if dense:
            self.mix = nn.Sequential(spiking(channels, wide, 3), spiking(wide, channels, 3))
        else:
            self.mix = nn.Sequential(
                nn.Sequential(nn.ReLU(), Reparameterised(channels, wide), norm(wide)),
                nn.Sequential(nn.ReLU(), Reparameterised(wide, channels), norm(channels)),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return what neurons read, [N, C, H, W]."""
        y = x + self.separable(x)
        mixed: Tensor = y + self.mix(y)
        return mixed


def blocks(count: int, channels: int, widening: int, dense: bool) -> nn.Sequential:
    """Return so many blocks."""
    return nn.Sequential(*(Block(channels, widening, dense) for _ in range(count)))


class PyramidPool(nn.Module):
    """Maxima over windows of 5, 9 and 13 places beside the values themselves, of half the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.reduce, self.pool = spiking(channels, half, 1), nn.MaxPool2d(5, 1, 2)
        self.join = spiking(4 * half, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return what neurons read, [N, C, H, W]."""
        levels = [self.reduce(x)]
        for _ in range(3):
            levels.append(self.pool(levels[-1]))
        joined: Tensor = self.join(torch.cat(levels, 1))
        return joined


class Backbone(nn.Module):
    """The image in stages of strides 4, 8, 16 and 32, of which the last three are read."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        c2, c3, c4, c5 = scale.channels
        self.stem = nn.Sequential(nn.Conv2d(3, c2, 7, 4, 2), norm(c2))
        self.stage2 = blocks(scale.repeats(3), c2, 4, dense=True)
        self.stage3 = nn.Sequential(spiking(c2, c3, 3, 2, bias=True), blocks(scale.repeats(6), c3, 4, dense=True))
        self.stage4 = nn.Sequential(spiking(c3, c4, 3, 2, bias=True), blocks(scale.repeats(9), c4, 3, dense=False))
        last = blocks(scale.repeats(3), c5, 2, dense=False)
        self.stage5 = nn.Sequential(spiking(c4, c5, 3, 2, bias=True), last, PyramidPool(c5))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return stages 3, 4 and 5."""
        third = self.stage3(self.stage2(self.stem(images)))
        fourth = self.stage4(third)
        return third, fourth, self.stage5(fourth)


class Neck(nn.Module):
    """Down the pyramid and up again: three maps, each of which has seen the others."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        _, c3, c4, c5 = scale.channels
        self.a, self.up = spiking(c5, c4, 1), nn.Upsample(scale_factor=2, mode="nearest")
        self.middle = blocks(1, c4, 3, dense=False)
        self.b = spiking(2 * c4, c3, 1)
        self.fine = blocks(1, c3, 4, dense=True)
        self.p3 = nn.Sequential(spiking(2 * c3, c3, 1), blocks(1, c3, 4, dense=True))
        self.down3, self.p4 = spiking(c3, c3, 3, 2, bias=True), blocks(1, 2 * c3, 3, dense=False)
        self.down4, self.p5 = spiking(2 * c3, c4, 3, 2, bias=True), blocks(1, 2 * c4, scale.repeats(3), dense=False)

    def forward(self, third: Tensor, fourth: Tensor, fifth: Tensor) -> list[Tensor]:
        """Return P3, P4 and P5."""
        a = self.a(fifth)
        b = self.b(torch.cat([self.middle(self.up(a)), fourth], 1))
        p3 = self.p3(torch.cat([self.fine(self.up(b)), third], 1))
        p4 = self.p4(torch.cat([self.down3(p3), b], 1))
        return [p3, p4, self.p5(torch.cat([self.down4(p4), a], 1))]


class LastConvolution(nn.Conv2d):
    """A 1×1 convolution whose bias begins at a value."""

    def __init__(self, inputs: int, outputs: int, start: float) -> None:
        self.start = start
        super().__init__(inputs, outputs, 1)

    def reset_parameters(self) -> None:
        """Draw the weights, and set the bias."""
        super().reset_parameters()
        if self.bias is not None:
            nn.init.constant_(self.bias, self.start)


class Head(nn.Module):
    """Boxes and class scores at every place of three maps, decoded as YOLOv8 does, without anchors."""

    def __init__(self, inputs: Sequence[int], classes: int, bins: int) -> None:
        super().__init__()
        self.classes, self.bins = classes, bins
        near, far = max(16, inputs[0] // 4, 4 * bins), max(inputs[0], min(classes, 100))
        self.boxes = nn.ModuleList(self._branch(each, near, 4 * bins, 1.0) for each in inputs)
        # 5 objects in an image of 640 pixels, spread over classes and places
        start = [math.log(5 / classes / (640 / stride) ** 2) for stride in STRIDES]
        self.scores = nn.ModuleList(
            self._branch(each, far, classes, bias) for each, bias in zip(inputs, start, strict=True)
        )

    @staticmethod
    def _branch(inputs: int, hidden: int, outputs: int, bias: float) -> nn.Sequential:
        last = nn.Sequential(nn.ReLU(), LastConvolution(hidden, outputs, bias))
        return nn.Sequential(spiking(inputs, hidden, 3), spiking(hidden, hidden, 3), last)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, dict[str, Tensor | list[Tensor]]]:
        """Return boxes and scores [N, 4 + K, places], and as ultralytics' heads what they were decoded from."""
        boxes = [branch(each) for branch, each in zip(self.boxes, maps, strict=True)]
        scores = [branch(each) for branch, each in zip(self.scores, maps, strict=True)]
        flat, rated = (torch.cat([each.flatten(2) for each in part], 2) for part in (boxes, scores))
        found = torch.cat([decode(flat, [each.shape[2:] for each in boxes], self.bins), rated.sigmoid()], 1)
        return found, {"boxes": flat, "scores": rated, "feats": scores}


def decode(boxes: Tensor, sizes: Sequence[Sequence[int]], bins: int) -> Tensor:
    """Return the boxes [N, 4, places] (middle, width, height in pixels) from their distances' distributions.

    A side is as far from a place's middle as the mean of a softmax over 0 to ``bins`` - 1 strides says: left, top,
    right, bottom.
    """
    shares = boxes.unflatten(1, (4, bins)).softmax(2)
    steps = torch.arange(bins, dtype=boxes.dtype, device=boxes.device)
    left, top, right, bottom = (shares * steps[:, None]).sum(2).unbind(1)
    x, y, stride = places(sizes, boxes)
    corners = torch.stack([x + (right - left) / 2, y + (bottom - top) / 2, left + right, top + bottom], 1)
    return corners * stride


def places(sizes: Sequence[Sequence[int]], like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the middles of all places in strides, row by row, and their strides."""
    columns, rows, strides = [], [], []
    for (height, width), stride in zip(sizes, STRIDES, strict=True):
        y = torch.arange(height, dtype=like.dtype, device=like.device) + 0.5
        x = torch.arange(width, dtype=like.dtype, device=like.device) + 0.5
        rows.append(y.repeat_interleave(width))
        columns.append(x.repeat(height))
        strides.append(torch.full((height * width,), float(stride), dtype=like.dtype, device=like.device))
    return torch.cat(columns), torch.cat(rows), torch.cat(strides)


class SpikeYolo(nn.Module):
    """The whole detector; ``stride`` are those of its grids, ``head`` says how it divides a distance."""

    def __init__(self, scale: Scale, classes: int, bins: int = BINS) -> None:
        super().__init__()
        _, c3, c4, _ = scale.channels
        self.backbone, self.neck = Backbone(scale), Neck(scale)
        self.head = Head((c3, 2 * c3, 2 * c4), classes, bins)
        self.stride = torch.tensor([float(stride) for stride in STRIDES])

    def forward(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor | list[Tensor]]]:
        """Return what is found in images [N, 3, H, W] from 0 to 1, the sides being multiples of 32."""
        found: tuple[Tensor, dict[str, Tensor | list[Tensor]]] = self.head(self.neck(*self.backbone(images)))
        return found
