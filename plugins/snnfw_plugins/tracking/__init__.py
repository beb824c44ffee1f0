"""Tracking neurons: signed bursts whose sum follows any activation function of the mean input."""

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
class Tracking:
    """Emit what is missing between the spikes so far and t times the activation of the mean input.

    X(t) = x(1) + ... + x(t), E(t) = s(1) + ... + s(t): n(t) = clip(floor((t · f(X(t)/t) - E(t-1)) / θ + 1/2), -φ, φ)
    and s(t) = n(t) · θ. Unless a burst is clipped, |E(t) - t · f(X(t)/t)| <= θ/2, so the mean output is within θ/(2t)
    of f(mean input), for every activation function f. Negative spikes take back what earlier ones emitted too much.
    """

    name: ClassVar[str] = "tracking"
    activations: ClassVar[tuple[str, ...]] = ()
    payload: ClassVar[int] = 2  # a spike of either sign, or none

    phi: Annotated[int, Field(ge=1, le=64, description="most spikes in one timestep, of either sign (φ)")] = 4

    @property
    def burst(self) -> int:
        """Return the most events in one timestep."""
        return self.phi

    def observer(self, site: Site) -> Observer:
        """Return the observer of θ = largest magnitude / φ."""
        from snnfw.neurons import PeakThreshold

        return PeakThreshold(site, share=float(self.phi))

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the neuron that tracks this site's activation function."""
        del timesteps
        from snnfw.kernels import activation_code
        from snnfw_plugins.tracking.node import TrackingNeuron

        return TrackingNeuron(stats, site.function, self.phi, activation_code(site.activation, site.arguments))

    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        """Return θ/T · clip(floor(a·T/θ + 1/2), -T·φ, T·φ), the mean output for a constant activation a."""
        limit = timesteps * self.phi
        steps = (activation * (timesteps / threshold) + 0.5).floor_().clamp_(-limit, limit)
        return steps * (threshold / timesteps)


@hookimpl
def snnfw_register_neurons() -> Iterable[type[Neuron]]:
    """Register ``neuron=tracking``."""
    return [Tracking]
