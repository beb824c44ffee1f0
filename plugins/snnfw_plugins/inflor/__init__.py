"""InfLoR: the soft-reset integrate-and-fire neuron (SRIF) and the membrane potential rectifier (MPR)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from snnfw import Bundle, Measurement, Neuron, Observer, Preset, Resources, Rule, Site, SiteStats, hookimpl
from snnfw.conversion import Direct

if TYPE_CHECKING:
    from snnfw import SpikingModel, SpikingNeuron


@dataclass(frozen=True, slots=True)
class SoftResetIntegrateAndFire:
    """Fire a spike of height θ when half of it has been reached, and subtract all of it (soft reset).

    H(t) = λ U(t-1) + X(t), O(t) = θ · 1[H(t) >= θ/2], and U(t) = H(t) - O(t) (soft reset) or
    U(t) = H(t) · (1 - O(t)/θ) (hard reset). Guo et al. (2022), "Reducing Information Loss for Spiking Neural Networks":
    SRIF is the soft reset with λ = 1; the hard reset is the paper's IF, and with λ < 1 its LIF.

    Learning, 1[·] has the derivative φ'(H/θ)/θ for 0 <= H <= θ and 0 elsewhere: the straight-through estimator behind
    the rectifier φ that pulls potentials towards 0 and 1. Without ``mpr`` φ is the identity. Spikes are the same
    either way, because φ(u) >= 1/2 exactly where u >= 1/2. Gradients flow through the reset.
    """

    name: ClassVar[str] = "srif"
    activations: ClassVar[tuple[str, ...]] = ("relu",)

    leak: Annotated[float, Field(ge=0, le=1, description="what is left of the potential after a timestep (λ)")] = 1.0
    reset: Annotated[Literal["soft", "hard"], Field(description="subtract the spike, or return to zero")] = "soft"
    mpr: Annotated[bool, Field(description="rectify the potential for the gradient; spikes stay the same")] = True
    scale: Annotated[
        float | None,
        Field(gt=0, description="height of a spike (θ); null: the largest activation of calibration data"),
    ] = 1.0

    @property
    def threshold(self) -> float:
        """Return the potential at which it fires, to which batch norms are scaled: half a spike."""
        return 0.5 * (self.scale or 1.0)

    @property
    def leaks(self) -> bool:
        """Tell whether a potential is multiplied at every timestep."""
        return 0 < self.leak < 1

    def observer(self, site: Site) -> Observer:
        """Return the observer that knows the height of a spike, or finds the largest activation."""
        from snnfw.neurons import FixedThreshold, PeakThreshold

        return PeakThreshold(site) if self.scale is None else FixedThreshold(site, self.scale)

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the neuron with its height."""
        del site, timesteps
        from snnfw_plugins.inflor.node import RectifiedNeuron

        return RectifiedNeuron(stats, self.leak, self.reset, self.mpr)

    def measure(self, model: SpikingModel, bundle: Bundle, resources: Resources) -> Measurement:
        """Return the quantisation error of the potentials, as they are and rectified (Table 3, Fig. 5)."""
        from snnfw_plugins.inflor.errors import measure_errors

        return measure_errors(model, bundle, resources)


@hookimpl
def snnfw_register_neurons() -> Iterable[type[Neuron]]:
    """Register ``neuron=srif``."""
    return [SoftResetIntegrateAndFire]


@hookimpl
def snnfw_register_presets() -> Iterable[Preset]:
    """Register ``plugin=inflor``: soft-reset neurons with the rectified gradient, trained and run at T = 4."""
    return [
        Preset(
            name="inflor",
            layers=(Rule("*", SoftResetIntegrateAndFire()),),
            converter=Direct(),
            timesteps=4,
            summary="InfLoR: soft-reset integrate-and-fire neurons and a rectified gradient, for direct training",
            trained=True,
        )
    ]
