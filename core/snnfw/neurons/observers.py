"""Watch activations and find thresholds in what was seen."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from snnfw.kernels.layout import memory_order
from snnfw.values import Site, SiteStats


def channel_rows(activation: Tensor, site: Site, channel_wise: bool) -> Tensor:
    """Return the activation as [C, elements of a channel], or as [1, all elements]; elements as they lie in memory."""
    if not channel_wise:
        order = memory_order(activation)
        return (activation if order is None else activation.permute(order)).reshape(1, -1)
    return activation.movedim(site.channel, 0).flatten(1)


def broadcast_channels(values: Tensor, site: Site) -> Tensor:
    """Return one value per channel ([C], or [1] for all) in a shape that broadcasts against the site's activation."""
    shape = [1] * len(site.shape)
    shape[site.channel] = len(values)
    return values.reshape(shape)


def replace_zero_thresholds(threshold: Tensor) -> Tensor:
    """Return thresholds with 1 where an activation was never above zero: such a neuron never fires at any threshold."""
    return torch.where(threshold > 0, threshold, torch.ones_like(threshold))


def magnitude_percentile(rows: Tensor, percentile: float) -> Tensor:
    """Return each row's percentile of absolute values: the smallest value that this share of them does not exceed.

    Where that is 0 because so few are above it, it is the largest value: 0 is left to rows that are silent.
    """
    rank = max(1, math.ceil(rows.shape[1] * percentile / 100.0))
    largest = torch.maximum(rows.amax(1), -rows.amin(1)).abs()  # of a zero the sign
    if rank == rows.shape[1]:
        return largest
    found = rows.abs().kthvalue(rank, dim=1).values
    return torch.where(found > 0, found, largest)


class FixedThreshold:
    """Know the threshold beforehand."""

    def __init__(self, site: Site, threshold: float) -> None:
        self.site, self.threshold = site, threshold
        self.like = torch.zeros(())

    def update(self, activation: Tensor) -> None:
        """Take one batch, for its type and device alone."""
        self.like = activation

    def stats(self) -> SiteStats:
        """Return the threshold known."""
        return SiteStats(threshold=broadcast_channels(self.like.new_tensor([self.threshold]), self.site))


class PeakThreshold:
    """Find threshold = percentile of |activation| / ``share``.

    The 100th percentile is the maximum over all batches; any lower one is taken in each batch and averaged over those
    in which the layer, or the channel, was not silent.
    """

    def __init__(self, site: Site, percentile: float = 100.0, channel_wise: bool = False, share: float = 1.0) -> None:
        self.site, self.percentile, self.channel_wise, self.share = site, percentile, channel_wise, share
        self.seen: list[Tensor] = []

    def update(self, activation: Tensor) -> None:
        """Take one batch."""
        rows = channel_rows(activation, self.site, self.channel_wise)
        self.seen.append(magnitude_percentile(rows, self.percentile))

    def stats(self) -> SiteStats:
        """Return the threshold found."""
        peaks = torch.stack(self.seen)
        heard = (peaks > 0).sum(0).clamp(min=1)
        peak = peaks.amax(0) if self.percentile == 100.0 else peaks.sum(0) / heard
        return SiteStats(threshold=broadcast_channels(replace_zero_thresholds(peak / self.share), self.site))
