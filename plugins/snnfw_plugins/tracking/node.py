"""The tracking neuron's state and step."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from snnfw.contracts import SiteStats
from snnfw.spiking.neuron import SpikingNeuron, States


class TrackingNeuron(SpikingNeuron):
    """Keep the sum of what came in, the sum of what went out, and the number of timesteps."""

    states: ClassVar[tuple[str, ...]] = ("received", "sent", "elapsed")
    calibrated: ClassVar[bool] = False

    def __init__(self, stats: SiteStats, function: Callable[[Tensor], Tensor], burst: int) -> None:
        super().__init__(stats)
        self.function, self.burst = function, burst

    def begin(self, drive: Tensor) -> States:
        """Return empty sums."""
        zero = torch.zeros_like(drive)
        return zero, zero, drive.new_zeros(())

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Emit the number of thresholds, of either sign, nearest to what is missing."""
        received, sent, elapsed = states
        received, elapsed = received + drive, elapsed + 1
        missing = elapsed * self.function(received / elapsed) - sent
        count = (missing / self.threshold + 0.5).floor_().clamp_(-self.burst, self.burst)
        output = count * self.threshold
        return output, (received, sent + output, elapsed)
