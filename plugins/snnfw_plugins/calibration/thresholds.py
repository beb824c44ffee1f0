"""Fit thresholds to a network's activations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from snnfw import Neuron, Observer, Quantiser, Site, SiteStats
from snnfw.neurons import broadcast_channels, channel_rows, magnitude_percentile, replace_zero_thresholds
from snnfw_plugins.calibration.histogram import bins_for, possibly_least, sort_into_bins
from snnfw_plugins.calibration.trying import first_least

CANDIDATES = 95
"""Thresholds tried: 1.00, 0.99 ... 0.06 times the largest activation."""


@dataclass(frozen=True, slots=True)
class ThresholdSearch:
    """How thresholds are found: by what, one for each channel or not, and how batches are merged."""

    threshold: Literal["mse", "max", "percentile", "neuron"]
    percentile: float
    channel_wise: bool
    momentum: float | None


def threshold_observer(search: ThresholdSearch, neuron: Neuron, site: Site, timesteps: int) -> Observer:
    """Return the observer that finds the threshold of one site; a neuron without a closed form finds its own."""
    if search.threshold == "neuron":
        return neuron.observer(site)
    if search.threshold == "mse":
        if isinstance(neuron, Quantiser):
            return LeastSquaresThreshold(neuron, site, timesteps, search.channel_wise, search.momentum)
        return neuron.observer(site)
    percentile = 100.0 if search.threshold == "max" else search.percentile
    return PercentileThreshold(site, percentile, search.channel_wise, search.momentum)


class RunningThreshold(ABC):
    """Merge one threshold per batch: θ = m · θ + (1 - m) · θ_batch from the first batch on, or the maximum.

    A batch in which the layer, or the channel, is silent has no part in it.
    """

    def __init__(self, site: Site, channel_wise: bool, momentum: float | None) -> None:
        self.site, self.channel_wise, self.momentum = site, channel_wise, momentum
        self.threshold: Tensor | None = None

    def update(self, activation: Tensor) -> None:
        """Take one batch."""
        found = self.find(channel_rows(activation, self.site, self.channel_wise))
        before = torch.zeros_like(found) if self.threshold is None else self.threshold
        if self.momentum is None:
            self.threshold = torch.maximum(before, found)
        else:
            mean = self.momentum * before + (1 - self.momentum) * found
            self.threshold = torch.where((before > 0) & (found > 0), mean, torch.maximum(before, found))

    def stats(self) -> SiteStats:
        """Return the merged threshold."""
        if self.threshold is None:
            raise ValueError("no activation was observed")
        return SiteStats(threshold=broadcast_channels(replace_zero_thresholds(self.threshold), self.site))

    @abstractmethod
    def find(self, rows: Tensor) -> Tensor:
        """Return the threshold of each row of [C, elements]; 0 where it is silent."""


class PercentileThreshold(RunningThreshold):
    """Take a percentile of the activation's magnitude."""

    def __init__(self, site: Site, percentile: float, channel_wise: bool, momentum: float | None) -> None:
        super().__init__(site, channel_wise, momentum)
        self.percentile = percentile

    def find(self, rows: Tensor) -> Tensor:
        """Return the percentile of each row."""
        return magnitude_percentile(rows, self.percentile)


class LeastSquaresThreshold(RunningThreshold):
    """Take the candidate for which the neuron's closed form comes closest to the activation in squared error.

    θ = argmin_i Σ (quantise(a, V_i) - a)², V_i = max(a) · (1 - i/100), i = 0 ... 94; the largest of equals.
    """

    def __init__(
        self, neuron: Quantiser, site: Site, timesteps: int, channel_wise: bool, momentum: float | None
    ) -> None:
        super().__init__(site, channel_wise, momentum)
        self.neuron, self.timesteps = neuron, timesteps

    def find(self, rows: Tensor) -> Tensor:
        """Return the best candidate of each row."""
        peak = magnitude_percentile(rows, 100.0)
        largest = replace_zero_thresholds(peak)
        rows = rows.contiguous()  # channels may lie between each other, and are gone through many times
        candidates = torch.stack([largest * (1 - 0.01 * index) for index in range(CANDIDATES)], 1)
        bins = bins_for(rows)
        possible = possibly_least(sort_into_bins(rows, bins), self._quantise, candidates) if bins else None
        best = first_least(rows, self._quantise, candidates, possible)
        return torch.where(peak > 0, best, peak)

    def _quantise(self, values: Tensor, threshold: Tensor) -> Tensor:
        return self.neuron.quantise(values, threshold, self.timesteps)
