"""Distort training images at random: batches of normalised images, and single ones as bytes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def turn(images: Tensor, angle: float = 0.21, scale: float = 0.1, shift: float = 0.25) -> Tensor:
    """Turn, scale and shift every image [N, C, H, W]: by up to ``angle`` radians, a share, and half-widths."""
    count = len(images)

    def uniform(limit: float) -> Tensor:
        return (2 * torch.rand(count, device=images.device) - 1) * limit

    angles, scales = uniform(angle), 1 + uniform(scale)
    cos, sin = scales * angles.cos(), scales * angles.sin()
    rows = torch.stack([cos, -sin, uniform(shift), sin, cos, uniform(shift)], dim=1)
    grid = F.affine_grid(rows.view(count, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def crop_and_flip(images: Tensor, padding: int = 4) -> Tensor:
    """Cut every image [N, C, H, W] at random out of itself with a border of zeros, and mirror half of them."""
    count, _, height, width = images.shape
    padded = F.pad(images, (padding,) * 4)
    top, left = (torch.randint(2 * padding + 1, (count,)) for _ in range(2))
    rows = top[:, None] + torch.arange(height)
    columns = left[:, None] + torch.arange(width)
    mirrored = torch.rand(count) < 0.5
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    return padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def crop_flip_and_auto_augment(
    images: Tensor, mean: tuple[float, ...], std: tuple[float, ...], policy: str = "cifar10"
) -> Tensor:
    """Crop and mirror images [N, C, H, W] of zero mean, distort each by AutoAugment, and cut a square out of each."""
    shape = (len(mean), 1, 1)
    means, deviations = torch.tensor(mean).view(shape), torch.tensor(std).view(shape)
    pixels = (crop_and_flip(images) * deviations + means) * 255
    distorted = torch.stack(
        [auto_augment(image, policy, mean) for image in pixels.round().clamp(0, 255).to(torch.uint8)]
    )
    return cut_out((distorted / 255 - means) / deviations)


def auto_augment(pixels: Tensor, policy: str, mean: tuple[float, ...]) -> Tensor:
    """Distort one image of bytes [C, H, W] by AutoAugment (Cubuk et al. 2019) with a learned policy of torchvision's.

    ``policy`` is cifar10, imagenet or svhn. Places that an image is moved away from are filled with its ``mean``.
    """
    from torchvision.transforms import v2

    fill = [255 * value for value in mean]
    distorted: Tensor = v2.AutoAugment(v2.AutoAugmentPolicy(policy), fill=fill)(pixels)
    return distorted


def cut_out(images: Tensor, side: int = 16) -> Tensor:
    """Set one square of every image [N, C, H, W] to zero (Cutout, DeVries and Taylor 2017).

    Its centre lies anywhere in the image, so part of it may lie outside.
    """
    count, _, height, width = images.shape
    top = torch.randint(height, (count, 1)) - side // 2
    left = torch.randint(width, (count, 1)) - side // 2
    rows, columns = torch.arange(height) - top, torch.arange(width) - left
    inside = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None, :]
    return images.masked_fill(inside[:, None], 0.0)
