"""A leaky burst neuron for snnfw: the membrane potential fades while it waits for the threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

import snnfw
from snnfw_plugins.calibration import Calibration

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Leaky:
    """Leak, integrate, fire up to φ spikes of height θ in a timestep, and subtract them (soft reset).

    u(t) = (1 - λ) · V(t-1) + x(t), n(t) = clip(floor(u(t)/θ), 0, φ), s(t) = n(t) · θ, V(t) = u(t) - s(t).

    - x(t): input current, s(t): output, n(t): spikes in timestep t
    - u(t), V(t): membrane potential before and after the spikes; V(0) = 0, unless calibration finds another
    - θ: threshold, the largest activation seen / φ, so that a full burst is the largest activation
    - λ (``leak``): share of the potential lost in a timestep; 0 gives the plain burst neuron
    - φ (``phi``): most spikes in one timestep

    With a leak above 0 the mean output does not converge to the activation, however many timesteps there are: a
    constant input of up to λ · θ never fires, and what leaks away between two spikes is missing from the output.
    """

    name: ClassVar[str] = "leaky"
    activations: ClassVar[tuple[str, ...]] = ("relu",)

    leak: Annotated[float, Field(ge=0, lt=1, description="share of the potential lost in a timestep (λ)")] = 0.02
    phi: Annotated[int, Field(ge=1, le=64, description="most spikes in one timestep (φ)")] = 4

    def observer(self, site: snnfw.Site) -> snnfw.Observer:
        """Return the observer of θ = maximum / φ."""
        from snnfw.neurons import PeakThreshold

        return PeakThreshold(site, share=float(self.phi))

    def build(self, site: snnfw.Site, stats: snnfw.SiteStats, timesteps: int) -> snnfw.SpikingNeuron:
        """Return the module with the threshold found."""
        del site, timesteps
        return _module()(stats, self.leak, self.phi)


@cache
def _module() -> Callable[[snnfw.SiteStats, float, int], snnfw.SpikingNeuron]:
    """Make the module's class, once, when the first neuron is built.

    ``snnfw.SpikingNeuron`` brings in torch, and what only describes a neuron must not. In a package of several files
    the class stands in a module of its own, which ``build`` imports.
    """

    class LeakyNeuron(snnfw.SpikingNeuron):
        """Hold the potential of every element, and change it timestep by timestep."""

        def __init__(self, stats: snnfw.SiteStats, leak: float, phi: int) -> None:
            super().__init__(stats)
            self.leak, self.phi = leak, phi

        def begin(self, drive: Tensor) -> tuple[Tensor, ...]:
            """Return the initial potential everywhere."""
            return (self.initial.expand_as(drive),)

        def step(self, drive: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
            """Leak, integrate, fire and subtract what was fired."""
            potential = (1 - self.leak) * states[0] + drive
            spikes = (potential / self.threshold).floor().clamp(0, self.phi) * self.threshold
            return spikes, (potential - spikes,)

    return LeakyNeuron


@snnfw.hookimpl
def snnfw_register_neurons() -> Iterable[type[snnfw.Neuron]]:
    """Register ``neuron=leaky``."""
    return [Leaky]


@snnfw.hookimpl
def snnfw_register_presets() -> Iterable[snnfw.Preset]:
    """Register ``plugin=leaky``: leaky neurons for ReLU, everything else as it is, the mean error corrected."""
    return [
        snnfw.Preset(
            name="leaky",
            layers=(
                snnfw.Rule("*", Leaky(), activation="relu", optional=True),
                snnfw.Rule("*", snnfw.Keep(), optional=True),
            ),
            converter=Calibration(threshold="neuron"),
            timesteps=16,
            summary="leaky burst neurons whose loss is made up for by bias correction",
        )
    ]
