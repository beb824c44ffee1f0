"""The integrate-and-fire neuron with soft reset, the standard of rate-coded conversion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw import Neuron, Observer, Site, SiteStats, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw import SpikingNeuron


@dataclass(frozen=True, slots=True)
class IntegrateAndFire:
    """Fire one spike of height θ when the membrane potential reaches θ, and subtract θ (soft reset).

    u(t) = V(t-1) + x(t) [+ θ / (2T) with shift], n(t) = 1[u(t) >= θ], s(t) = n(t) · θ, V(t) = u(t) - s(t).
    For a constant input a the mean output over T steps is ClipFloor(a, T, θ) = θ/T · clip(floor(a·T/θ), 0, T); with the
    shift it is rounded instead of floored. Rueckauer et al. (2017); the shift as in Li et al. (2021), SNN Calibration.
    θ is ρ times the threshold that calibration finds for ρ = 1: Adaptive Calibration, Eqs. 12 to 14.
    """

    name: ClassVar[str] = "if"
    activations: ClassVar[tuple[str, ...]] = ("relu",)

    percentile: Annotated[
        float,
        Field(gt=0, le=100, description="threshold: this percentile of the activation; 100 is its maximum"),
    ] = 100.0
    channel_wise: Annotated[bool, Field(description="one threshold per channel instead of per layer")] = False
    shift: Annotated[bool, Field(description="add θ/(2T) at every timestep, which rounds instead of flooring")] = False
    rho: Annotated[float, Field(gt=0, le=1000, description="threshold ratio: θ is rho times the threshold found")] = 1.0

    def observer(self, site: Site) -> Observer:
        """Return the observer that finds the percentile of the activation."""
        from snnfw.neurons import PeakThreshold

        return PeakThreshold(site, self.percentile, self.channel_wise)

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the neuron with the threshold found."""
        del site
        from snnfw_plugins.integrate_and_fire.node import SoftResetNeuron, scale_threshold

        return SoftResetNeuron(scale_threshold(stats, self.rho), timesteps, self.shift)

    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        """Return ClipFloor(a, T, θ): thresholds are fitted to the floor and before ρ, as the published code does."""
        from snnfw_plugins.integrate_and_fire.node import clip_floor

        return clip_floor(activation, timesteps, threshold)


@hookimpl
def snnfw_register_neurons() -> Iterable[type[Neuron]]:
    """Register ``neuron=if``."""
    return [IntegrateAndFire]
