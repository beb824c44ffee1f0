"""Thresholds as SpikingJelly's voltage hooks find them."""

from __future__ import annotations

import torch
from torch import Tensor

from snnfw import Site, SiteStats, SnnfwError
from snnfw.neurons import broadcast_channels, channel_rows, replace_zero_thresholds

MOST = 2**24
"""Most elements that torch.quantile takes."""


class VoltageThreshold:
    """Merge one statistic per batch: θ := (1 - m) · θ + m · θ_batch, from the first batch's on.

    As in SpikingJelly a batch in which a channel is silent counts as 0. Where a percentile is 0 in every batch, with
    which SpikingJelly would divide, the largest activation stands in.
    """

    def __init__(self, site: Site, mode: str | float, momentum: float, channel_wise: bool) -> None:
        self.site, self.mode, self.momentum, self.channel_wise = site, mode, momentum, channel_wise
        self.threshold: Tensor | None = None
        self.largest = torch.zeros(1)

    def update(self, activation: Tensor) -> None:
        """Take one batch."""
        rows = channel_rows(activation, self.site, self.channel_wise)
        found = self._statistic(rows)
        self.largest = torch.maximum(self.largest.to(rows), rows.amax(1))
        if self.threshold is None:
            self.threshold = found
        else:
            self.threshold = (1 - self.momentum) * self.threshold + self.momentum * found

    def stats(self) -> SiteStats:
        """Return the merged threshold."""
        if self.threshold is None:
            raise ValueError("no activation was observed")
        threshold = torch.where(self.threshold > 0, self.threshold, self.largest)
        return SiteStats(threshold=broadcast_channels(replace_zero_thresholds(threshold), self.site))

    def _statistic(self, rows: Tensor) -> Tensor:
        """Return the statistic of each row of [C, elements]."""
        if not isinstance(self.mode, str):
            return rows.amax(1) * self.mode
        if self.mode == "max":
            return rows.amax(1)
        if rows.numel() > MOST:
            raise SnnfwError(
                f"site '{self.site.name}' has {rows.numel()} activations in a calibration batch, and a percentile of "
                f"converter 'spikingjelly' takes at most {MOST}: use smaller batches, or converter.mode=max."
            )
        return torch.quantile(rows, float(self.mode.rstrip("%")) / 100.0, dim=1)
