"""AdaFire (Adaptive Calibration): burst neurons whose number of spikes in a timestep is bounded layer by layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw import Neuron, Observer, Preset, Rule, Site, SiteStats, hookimpl
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.exits import Entropy
from snnfw_plugins.pareto import AdaptiveCalibration
from snnfw_plugins.tracking import Tracking

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw import SpikingNeuron


@dataclass(frozen=True, slots=True)
class AdaFire:
    """Fire up to φ spikes of height θ in a timestep and subtract them (soft reset).

    u(t) = V(t-1) + x(t) [+ θ / (2T) with shift], n(t) = clip(floor(u(t)/θ), 0, φ), s(t) = n(t) · θ, V(t) = u(t) - s(t).
    For a constant input a the mean output over T steps is ClipFloor(a, T, θ, φ) = θ/T · clip(floor(a·T/θ), 0, T·φ),
    Adaptive Calibration, Eqs. 4 to 7; φ = 1 is plain calibration. The shift is in the authors' code, not in the paper.
    θ is ρ times the threshold that calibration finds for ρ = 1 (Eqs. 12 to 14, with ρ applied once).

    ``signed`` is this framework's own: n(t) = max(clip(floor(u(t)/θ [+ 1/2 with shift]), -φ, φ), -K(t-1)), where K is
    the sum of n so far. Negative spikes take back what was emitted too early, never more than was emitted.
    """

    name: ClassVar[str] = "adafire"
    activations: ClassVar[tuple[str, ...]] = ("relu",)

    phi: Annotated[int, Field(ge=1, le=64, description="most spikes in one timestep (φ)")] = 4
    shift: Annotated[
        bool,
        Field(description="round instead of flooring: add θ/(2T) at every timestep, or with signed spikes θ/2 at once"),
    ] = True
    signed: Annotated[bool, Field(description="let negative spikes take back what was emitted too early")] = False
    rho: Annotated[float, Field(gt=0, le=1000, description="threshold ratio: θ is rho times the threshold found")] = 1.0

    @property
    def burst(self) -> int:
        """Return the most events in one timestep."""
        return self.phi

    @property
    def payload(self) -> int:
        """Return the bits of an event: a spike or none, or one of either sign."""
        return 2 if self.signed else 1

    def observer(self, site: Site) -> Observer:
        """Return the observer of θ = maximum / φ, so that a full burst is the largest activation."""
        from snnfw.neurons import PeakThreshold

        return PeakThreshold(site, share=float(self.phi))

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the burst neuron with the threshold found."""
        del site
        from snnfw_plugins.integrate_and_fire.node import BurstNeuron, SignedBurstNeuron, scale_threshold

        found = scale_threshold(stats, self.rho)
        if self.signed:
            return SignedBurstNeuron(found, self.phi, self.shift)
        return BurstNeuron(found, timesteps, self.phi, self.shift)

    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        """Return the mean output for a constant activation a, to which thresholds are fitted, before ρ.

        That is ClipFloor(a, T, θ, φ), floored even where the shift rounds, as the published code does; signed spikes
        round here too.
        """
        from snnfw_plugins.integrate_and_fire.node import clip_floor

        rounding = 0.5 if self.signed and self.shift else 0.0
        return clip_floor(activation, timesteps, threshold, self.phi, rounding)


@hookimpl
def snnfw_register_neurons() -> Iterable[type[Neuron]]:
    """Register ``neuron=adafire``."""
    return [AdaFire]


@hookimpl
def snnfw_register_presets() -> Iterable[Preset]:
    """Register ``plugin=adafire``, the paper's whole pipeline, and ``plugin=signed``, for the fewest timesteps."""
    return [
        Preset(
            name="adafire",
            layers=(
                Rule("*", AdaFire(), activation="relu", optional=True),
                Rule("*", Tracking(), optional=True),
            ),
            converter=Calibration(),
            search=AdaptiveCalibration(),
            exit=Entropy(tolerance=0.005),
            summary="Adaptive Calibration: bursts and thresholds searched layer by layer, calibrated, with early exit",
        ),
        Preset(
            name="signed",
            layers=(
                Rule("*", AdaFire(phi=8, signed=True, rho=1.5), activation="relu", optional=True),
                Rule("*", Tracking(), optional=True),
            ),
            converter=Calibration(channel_wise=True, samples=256),
            timesteps=2,
            summary="few timesteps: bursts that can be taken back, a threshold for each channel, bias correction",
        ),
    ]
