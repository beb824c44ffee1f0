"""MSAT: a threshold for every neuron that follows its membrane potential and its input, and spike confidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from snnfw import (
    Batches,
    Bundle,
    Converter,
    Inputs,
    Keep,
    Measurement,
    Neuron,
    Observer,
    Preset,
    Resources,
    Rule,
    Site,
    SiteStats,
    hookimpl,
)
from snnfw_plugins.tracking import Tracking

if TYPE_CHECKING:
    from snnfw import SpikingModel
    from snnfw.capture import Graph
    from snnfw.planning import Plan
    from snnfw_plugins.msat.node import MSATNeuron


@dataclass(frozen=True, slots=True)
class MSAT:
    """Fire spikes as high as a threshold that rises with the membrane potential and falls with the input.

    θ(1) = Vmax, then θ(t) = Vmax · sigmoid(τ_mp · DTT(t) + τ_rd · DET(t)) with V_m the mean of V(1) ... V(t-1),
    DTT(t) = α · (V(t-1) - V_m) + V_T + k_a · ln(1 + exp((V(t-1) - V_m) / k_i)) and DET(t) = exp(-x(t) / C).
    u(t) = V(t-1) + x(t), n(t) = clip(floor(u(t) / θ(t)), 0, φ), s(t) = n(t) · θ(t), V(t) = u(t) - s(t).
    He et al. (2023), MSAT, Eqs. 11 to 13 and Algorithm 1; V_T = -Vmax, as in the published code.
    """

    name: ClassVar[str] = "msat"
    activations: ClassVar[tuple[str, ...]] = ("relu",)
    payload: ClassVar[int] = 32  # a spike is as high as its neuron's threshold at that time, a number of its own

    alpha: Annotated[float, Field(ge=0, description="slope of the tracking threshold left of its bend")] = 0.03
    k_a: Annotated[float, Field(ge=0, description="k_a: it is k_a / k_i steeper right of the bend")] = 1.0
    k_i: Annotated[float, Field(gt=0, description="k_i: how wide the bend is")] = 1.0
    c: Annotated[float, Field(gt=0, description="input at which the evoked threshold has fallen to 1/e (C)")] = 5.0
    tau_mp: Annotated[float, Field(ge=0, description="weight of the tracking threshold (τ_mp)")] = 1.0
    tau_rd: Annotated[float, Field(ge=0, description="weight of the evoked threshold (τ_rd)")] = 1.0
    terms: Annotated[
        Literal["both", "dtt", "det"],
        Field(description="which thresholds count: tracking and evoked, tracking alone, evoked alone"),
    ] = "both"
    units: Annotated[
        Literal["normalised", "raw"],
        Field(description="potentials and inputs in units of Vmax, or as they are"),
    ] = "normalised"
    depolarisation: Annotated[
        Literal["input", "exact"],
        Field(description="what DET reads: the input x(t), or all of u(t) - u(t-1)"),
    ] = "input"
    phi: Annotated[int, Field(ge=1, le=64, description="most spikes in one timestep (φ)")] = 1

    @property
    def burst(self) -> int:
        """Return the most events in one timestep."""
        return self.phi

    def observer(self, site: Site) -> Observer:
        """Return the observer that finds Vmax, the largest activation."""
        from snnfw.neurons import PeakThreshold

        return PeakThreshold(site)

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> MSATNeuron:
        """Return the neuron with the threshold found as its Vmax."""
        del site, timesteps
        from snnfw_plugins.msat.adaptation import Adaptation
        from snnfw_plugins.msat.node import MSATNeuron

        adaptation = Adaptation(
            alpha=self.alpha,
            k_a=self.k_a,
            k_i=self.k_i,
            c=self.c,
            tracking=0.0 if self.terms == "det" else self.tau_mp,
            evoked=0.0 if self.terms == "dtt" else self.tau_rd,
            normalised=self.units == "normalised",
            exact=self.depolarisation == "exact",
        )
        return MSATNeuron(stats, adaptation, self.phi)


@dataclass(frozen=True, slots=True)
class SpikeConfidence:
    """Take Vmax from the activations, and let early spikes of the last MSAT layer through with the confidence p.

    A spike of an inactivated neuron (SIN) comes from a neuron whose activation in the network is 0. Calibration data
    says how many of the neurons that fire within the first timesteps are such: p = 1 - SIN / (SIN + POS). In the first
    ``early`` timesteps a spike passes if c(t) = 1, with c(t) drawn from Bernoulli(p) for each neuron and timestep.
    He et al. (2023), MSAT, section 4.2, Eqs. 14 and 15. Neurons of other plugins find their own thresholds.
    """

    name: ClassVar[str] = "msat"

    percentile: Annotated[
        float, Field(gt=0, le=100, description="Vmax: this percentile of the activation; 100 is its maximum")
    ] = 100.0
    confidence: Annotated[
        float | None,
        Field(ge=0, le=1, description="share of early spikes that pass (p); null: measured, 1: all"),
    ] = None
    layers: Annotated[Literal["last", "all"], Field(description="which MSAT layers are filtered")] = "last"
    early: Annotated[
        int, Field(ge=1, description="timesteps that are filtered and, if there are as many, measured")
    ] = 16
    samples: Annotated[int, Field(ge=1, description="most calibration samples to measure the confidence on")] = 512
    drop_resets: Annotated[
        bool, Field(description="reset the potential also for spikes that don't pass, as the published code does")
    ] = False

    def convert(
        self, graph: Graph, plan: Plan, calibration: Batches[Inputs], timesteps: int, resources: Resources
    ) -> SpikingModel:
        """Return the spiking model, its MSAT layers filtered."""
        from snnfw.conversion import build_spiking_model, observe
        from snnfw.neurons import PeakThreshold
        from snnfw_plugins.msat.confidence import Filter, apply_confidence

        observers: dict[str, Observer] = {
            placement.site.name: PeakThreshold(placement.site, self.percentile)
            if isinstance(placement.neuron, MSAT)
            else placement.neuron.observer(placement.site)
            for placement in plan.placements
            if not isinstance(placement.neuron, Keep)
        }
        model = build_spiking_model(
            graph, plan, observe(graph, observers, calibration, resources), timesteps, resources
        )
        wanted = Filter(self.confidence, self.layers == "all", self.early, self.samples, self.drop_resets)
        apply_confidence(model, calibration, wanted, resources)
        return model

    def measure(self, model: SpikingModel, bundle: Bundle, resources: Resources) -> Measurement:
        """Return which inactivated neurons fire over time, and how much, whatever the neurons (Fig. 2, Table 6)."""
        from snnfw_plugins.msat.sin import measure_sin

        return measure_sin(model, bundle, self.early, resources)


@hookimpl
def snnfw_register_neurons() -> Iterable[type[Neuron]]:
    """Register ``neuron=msat``."""
    return [MSAT]


@hookimpl
def snnfw_register_converters() -> Iterable[type[Converter]]:
    """Register ``converter=msat``."""
    return [SpikeConfidence]


@hookimpl
def snnfw_register_presets() -> Iterable[Preset]:
    """Register ``plugin=msat``: adaptive thresholds for ReLU, tracking neurons otherwise, and spike confidence."""
    return [
        Preset(
            name="msat",
            layers=(
                Rule("*", MSAT(), activation="relu", optional=True),
                Rule("*", Tracking(), optional=True),
            ),
            converter=SpikeConfidence(),
            timesteps=32,
            summary="MSAT: thresholds that follow membrane potential and input, spike confidence",
        )
    ]
