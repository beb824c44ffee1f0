"""A small fully convolutional network with two skips, made so that every layer behind the first reads spikes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


class ScenesFcn(nn.Module):
    """Images [N, 3, H, W] to logits [N, K, H, W], H and W multiples of 8.

    It goes down to an eighth of the size in six convolutions and up again in two, which read the coarse map, copied to
    twice its size, beside the finer one: copies of spikes are spikes. Only the logits, at half the size, are
    interpolated.
    """

    def __init__(self, classes: int, widths: tuple[int, int, int] = (16, 32, 96)) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.stem = block(3, fine, kernel=4, stride=2)
        self.down2 = nn.Sequential(block(fine, middle, stride=2), block(middle, middle))
        self.down3 = nn.Sequential(
            block(middle, coarse, stride=2), block(coarse, coarse), block(coarse, coarse, dilation=2)
        )
        self.up2 = block(coarse + middle, middle)
        self.up1 = block(middle + fine, 24)
        self.classify = nn.Conv2d(24, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of every pixel."""
        half = self.stem(images)
        quarter = self.down2(half)
        eighth = self.down3(quarter)
        quarter = self.up2(torch.cat([upsample(eighth), quarter], 1))
        half = self.up1(torch.cat([upsample(quarter), half], 1))
        return functional.interpolate(self.classify(half), scale_factor=2.0, mode="bilinear", align_corners=False)


def block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Return a convolution, its batch norm and a ReLU."""
    padding = dilation * (kernel - 1) // 2
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def upsample(maps: Tensor) -> Tensor:
    """Return maps of twice the height and width, each value four times."""
    return functional.interpolate(maps, scale_factor=2.0, mode="nearest")
