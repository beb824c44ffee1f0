"""Sum up over samples what separates a site's spiking activation from the network's own."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from snnfw.diagnosis.findings import PARTS, SiteError, Thresholds
from snnfw.values import Site

POINTS = 240
"""Pairs of activations that are kept of a site, for a picture."""

NEGLIGIBLE = 1e-4
"""Share of a value that it must lose before it counts as clipped: less is rounding."""


class SiteSums:
    """Sums over the elements of one site, in double precision."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.squares = self.error = self.own = self.largest = 0.0
        self.with_error = dict.fromkeys(PARTS, 0.0)
        self.elements = self.active = self.clipped = self.lost = 0
        self.points: list[tuple[float, float]] = []

    def add(self, activation: Tensor, spiking: Tensor, parts: Mapping[str, Tensor]) -> None:
        """Add a batch: the network's activations, the spiking network's, and the parts of their difference."""
        wanted, sent = activation.double(), spiking.double()
        difference = sent - wanted
        own = difference - parts["before"] - parts["frames"]
        self.squares += float(wanted.square().sum())
        self.error += float(difference.square().sum())
        self.own += float(own.square().sum())
        for name, part in parts.items():
            self.with_error[name] += float((difference * part).sum())
        active = wanted != 0
        self.elements += wanted.numel()
        self.active += int(active.sum())
        self.lost += int((active & (sent == 0)).sum())
        self.clipped += int((parts["clipping"].abs() > NEGLIGIBLE * wanted.abs().amax().clamp_min(1e-30)).sum())
        self.largest = max(self.largest, float(wanted.abs().max()) if wanted.numel() else 0.0)
        if not self.points:
            stride = max(1, wanted.numel() // POINTS)
            pairs = zip(wanted.flatten()[::stride].tolist(), sent.flatten()[::stride].tolist(), strict=True)
            self.points = list(pairs)[:POINTS]

    def summarise(self, neuron: str, threshold: Thresholds, events: float) -> SiteError:
        """Return the site's error; ``events`` are those of one sample."""
        size, scale = math.sqrt(self.error), math.sqrt(self.squares) or 1.0
        return SiteError(
            site=self.site.name,
            activation=self.site.activation,
            neuron=neuron,
            error=size / scale,
            own=math.sqrt(self.own) / scale,
            parts={name: value / (size * scale) if size else 0.0 for name, value in self.with_error.items()},
            magnitude=math.sqrt(self.squares / self.elements) if self.elements else 0.0,
            largest=self.largest,
            active=self.active / self.elements if self.elements else 0.0,
            clipped=self.clipped / self.elements if self.elements else 0.0,
            lost=self.lost / self.active if self.active else 0.0,
            threshold=threshold,
            events=events,
            points=tuple(self.points),
        )
