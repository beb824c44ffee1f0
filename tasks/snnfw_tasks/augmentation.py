"""Distort training images at random, a whole batch at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def turned(images: Tensor, angle: float = 0.21, scale: float = 0.1, shift: float = 0.25) -> Tensor:
    """Turn, scale and shift every image [N, C, H, W]: by up to ``angle`` radians, a share, and half-widths."""
    count = len(images)

    def uniform(limit: float) -> Tensor:
        return (2 * torch.rand(count, device=images.device) - 1) * limit

    angles, scales = uniform(angle), 1 + uniform(scale)
    cos, sin = scales * angles.cos(), scales * angles.sin()
    rows = torch.stack([cos, -sin, uniform(shift), sin, cos, uniform(shift)], dim=1)
    grid = F.affine_grid(rows.view(count, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def cropped_and_flipped(images: Tensor, padding: int = 4) -> Tensor:
    """Cut every image [N, C, H, W] at random out of itself with a border of zeros, and mirror half of them."""
    count, _, height, width = images.shape
    padded = F.pad(images, (padding,) * 4)
    top, left = (torch.randint(2 * padding + 1, (count,)) for _ in range(2))
    rows = top[:, None] + torch.arange(height)
    columns = left[:, None] + torch.arange(width)
    mirrored = torch.rand(count) < 0.5
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    return padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
