"""Find the smallest change that is sent: a power of two below the largest activation."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from snnfw import Site, SiteStats
from snnfw.neurons import broadcast_channels, channel_rows, replace_zero_thresholds


class LevelThreshold:
    """Find λ = largest magnitude / 2^levels, of each channel, of the layer, or the geometric mean of both.

    A channel that calibration has never heard gets the layer's λ: what it may say later is sent as finely as the rest.
    """

    def __init__(self, site: Site, levels: float, scale: Literal["channel", "layer", "between"]) -> None:
        self.site, self.levels, self.scale = site, levels, scale
        self.peaks: list[Tensor] = []

    def update(self, activation: Tensor) -> None:
        """Take one batch."""
        self.peaks.append(channel_rows(activation, self.site, self.scale != "layer").abs().amax(1))

    def stats(self) -> SiteStats:
        """Return the threshold found."""
        peak = torch.stack(self.peaks).amax(0)
        heard = torch.where(peak > 0, peak, peak.amax())
        if self.scale == "between":
            heard = (heard * peak.amax()).sqrt()
        return SiteStats(broadcast_channels(replace_zero_thresholds(heard / 2**self.levels), self.site))
