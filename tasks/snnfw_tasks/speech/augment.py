"""Distort training waveforms at random: batches of them."""

from __future__ import annotations

import torch
from torch import Tensor


def shift(waves: Tensor, share: float = 0.1) -> Tensor:
    """Move every waveform [N, 1, L] earlier or later by up to a share of its length; silence comes in."""
    count, _, length = waves.shape
    by = round(share * length)
    padded = torch.nn.functional.pad(waves, (by, by))
    places = torch.randint(2 * by + 1, (count, 1)) + torch.arange(length)
    return padded[:, 0].gather(1, places.to(waves.device))[:, None]
