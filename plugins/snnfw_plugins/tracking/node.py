"""The tracking neuron's state and step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from snnfw import SiteStats, SpikingNeuron
from snnfw.kernels import Kernel, KernelBody
from snnfw.neurons import BoundFunction, States


@functools.cache
def tracking_body(code: str) -> KernelBody:
    """Return the step in C for an activation function that computes ``f`` from ``m``, the mean input."""
    return KernelBody(
        states=("received", "sent"),
        parameters=("threshold", "offset", "burst"),
        clock="elapsed",
        code=f"""
            received = received + (x + offset);
            const real m = received / t;
            real f;
            {code}
            const real missing = t * f - sent;
            events = FLOOR(missing / threshold + (real)0.5);
            events = CLAMP(events, -burst, burst);
            y = events * threshold;
            events = ABS(events);
            sent = sent + y;
        """,
    )


class TrackingNeuron(SpikingNeuron):
    """Keep the sum of what came in, the sum of what went out, and the number of timesteps."""

    states: ClassVar[tuple[str, ...]] = ("received", "sent", "elapsed")
    calibrated: ClassVar[bool] = False

    def __init__(
        self, stats: SiteStats, function: Callable[[Tensor], Tensor], burst: int, code: str | None = None
    ) -> None:
        super().__init__(stats)
        self.function, self.burst, self.code = BoundFunction(function), burst, code

    def kernel(self) -> Kernel | None:
        """Return the same step in C, where the activation function is known in C."""
        if self.code is None:
            return None
        tensors = {"threshold": self.threshold, "offset": self.offset}
        return Kernel(tracking_body(self.code), {**tensors, "burst": float(self.burst)})

    def begin(self, drive: Tensor) -> States:
        """Return empty sums."""
        zero = drive.new_zeros(())
        return zero.expand_as(drive), zero.expand_as(drive), zero

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Emit the number of thresholds, of either sign, nearest to what is missing."""
        received, sent, elapsed = states
        received, elapsed = received + drive, elapsed + 1
        missing = elapsed * self.function(received / elapsed) - sent
        count = (missing / self.threshold + 0.5).floor_().clamp_(-self.burst, self.burst)
        output = count * self.threshold
        return output, (received, sent + output, elapsed)
