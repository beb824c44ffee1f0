"""The leaky integrate-and-fire neuron, the standard of direct training, with a surrogate gradient."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from snnfw import Neuron, Observer, Site, SiteStats, hookimpl

if TYPE_CHECKING:
    from snnfw import SpikingNeuron


@dataclass(frozen=True, slots=True)
class LeakyIntegrateAndFire:
    """Leak towards the input, fire one spike of height θ at the threshold, and reset.

    H(t) = V(t-1) + (x(t) - V(t-1)) / τ, s(t) = θ · 1[H(t) >= θ], and V(t) = H(t) - s(t) (soft reset) or
    V(t) = H(t) · (1 - s(t)/θ) (hard reset). Learning, 1[·] has the derivative of the arc tangent at (H(t) - θ)/θ,
    g(u) = 1 / (1 + (π u)²), Fang et al. (2021), and gradients flow through the reset.

    Made for training: with a leak the mean output does not follow the activation, so conversion loses accuracy.
    """

    name: ClassVar[str] = "lif"
    activations: ClassVar[tuple[str, ...]] = ("relu",)
    leaks: ClassVar[bool] = True

    tau: Annotated[float, Field(gt=1, description="membrane time constant (τ), in timesteps")] = 2.0
    threshold: Annotated[
        float | None, Field(gt=0, description="threshold (θ); null: the largest activation of calibration data")
    ] = 1.0
    reset: Annotated[Literal["soft", "hard"], Field(description="subtract the threshold, or return to zero")] = "soft"

    def observer(self, site: Site) -> Observer:
        """Return the observer that knows the threshold, or finds the largest activation."""
        from snnfw.neurons import FixedThreshold, PeakThreshold

        return PeakThreshold(site) if self.threshold is None else FixedThreshold(site, self.threshold)

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the neuron with its threshold."""
        del site, timesteps
        from snnfw_plugins.lif.node import LeakyNeuron

        return LeakyNeuron(stats, self.tau, self.reset)


@hookimpl
def snnfw_register_neurons() -> Iterable[type[Neuron]]:
    """Register ``neuron=lif``."""
    return [LeakyIntegrateAndFire]
