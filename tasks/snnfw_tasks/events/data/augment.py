"""Distort recordings at random, a whole batch at once, all frames of one in the same way."""

from __future__ import annotations

import torch
from torch import Tensor


def roll_and_flip(samples: Tensor, by: int, flip: bool) -> Tensor:
    """Roll every sample [N, ..., H, W] by up to ``by`` cells up or down and left or right, and mirror half of them."""
    count, (height, width) = len(samples), samples.shape[-2:]
    down, right = (torch.randint(-by, by + 1, (count,)) for _ in range(2))
    rows = (torch.arange(height) - down[:, None]) % height
    columns = (torch.arange(width) - right[:, None]) % width
    if flip:
        mirrored = torch.rand(count) < 0.5
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    merged = samples.flatten(1, -3)
    moved = merged[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
    return moved.reshape(samples.shape)
