"""Distort training waveforms at random: batches of them."""

from __future__ import annotations

import torch
from torch import Tensor


def shift(waves: Tensor, share: float = 0.1) -> Tensor:
    """Move every waveform [N, C, L] earlier or later by up to a share of its length; silence comes in."""
    count, channels, length = waves.shape
    by = round(share * length)
    padded = torch.nn.functional.pad(waves, (by, by))
    places = torch.randint(2 * by + 1, (count, 1, 1)) + torch.arange(length)
    return padded.gather(2, places.expand(-1, channels, -1).to(waves.device))
