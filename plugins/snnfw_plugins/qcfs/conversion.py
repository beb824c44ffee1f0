"""Read from the network what its QCFS activations were trained to."""

from __future__ import annotations

from torch import Tensor

from snnfw import Site, SiteStats, SnnfwError


class TrainedThreshold:
    """Know the threshold beforehand: it is the activation's parameter λ, and the potential begins at λ/2."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.threshold: Tensor = site.arguments[0].detach()
        if self.threshold.numel() != 1 or not bool(self.threshold > 0):
            raise SnnfwError(
                f"the QCFS at '{site.name}' has the threshold {self.threshold.tolist()}: it must be one positive "
                "number. Train the network on, from a larger threshold or at a lower learning rate."
            )

    def update(self, activation: Tensor) -> None:
        """Take one batch, which tells nothing new."""
        del activation

    def stats(self) -> SiteStats:
        """Return the threshold and the initial potential."""
        threshold = self.threshold.reshape([1] * len(self.site.shape))
        return SiteStats(threshold, initial=threshold / 2)
