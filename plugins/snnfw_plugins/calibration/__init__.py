"""SNN Calibration (Li et al., 2021): least-squares thresholds, bias and initial-potential correction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from snnfw import Batches, Converter, Inputs, Keep, Preset, Resources, Rule, hookimpl
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.tracking import Tracking

if TYPE_CHECKING:
    from snnfw import SpikingModel
    from snnfw.capture import Graph
    from snnfw.planning import Plan


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fit thresholds to the network's activations and correct the neurons' mean error, layer by layer.

    Nothing of the network changes: bias correction is a constant input current per channel, potential correction an
    initial membrane potential per neuron, and changes of weights lie beside the network. Thresholds: Adaptive
    Calibration, Eq. 7; bias: Eq. 6; weights: Li et al. (2021), section 4.
    """

    name: ClassVar[str] = "calibration"

    threshold: Annotated[
        Literal["mse", "max", "percentile", "neuron"],
        Field(
            description="least squares on the neuron's closed form, the neuron's own choice, or the activation's "
            "maximum or percentile, which are not divided by the burst"
        ),
    ] = "mse"
    percentile: Annotated[float, Field(gt=0, le=100, description="for threshold=percentile")] = 99.9
    channel_wise: Annotated[bool, Field(description="one threshold per channel instead of per layer")] = False
    momentum: Annotated[
        float | None,
        Field(
            ge=0,
            lt=1,
            description="weight of earlier batches in the running mean of thresholds; null: their maximum",
        ),
    ] = 0.9
    batches: Annotated[int, Field(ge=1, description="most calibration batches for thresholds")] = 7
    bias: Annotated[bool, Field(description="correct each channel's mean output by an input current")] = True
    potential: Annotated[bool, Field(description="correct each neuron's mean output by its initial potential")] = False
    weights: Annotated[
        bool, Field(description="fit each layer's weights to the network's activation; changes lie beside the network")
    ] = False
    iterations: Annotated[int, Field(ge=1, description="steps of Adam for each layer's weights")] = 100
    rate: Annotated[float, Field(gt=0, description="learning rate of the first step for weights")] = 3e-4
    samples: Annotated[int, Field(ge=1, description="most calibration samples for weights, bias and potential")] = 128

    def convert(
        self, graph: Graph, plan: Plan, calibration: Batches[Inputs], timesteps: int, resources: Resources
    ) -> SpikingModel:
        """Return the calibrated spiking model."""
        from snnfw.conversion import build_spiking_model, observe
        from snnfw_plugins.calibration.correction import correct, correction_inputs
        from snnfw_plugins.calibration.thresholds import ThresholdSearch, threshold_observer
        from snnfw_plugins.calibration.weights import Descent, calibrate_weights

        search = ThresholdSearch(self.threshold, self.percentile, self.channel_wise, self.momentum)
        observers = {
            placement.site.name: threshold_observer(search, placement.neuron, placement.site, timesteps)
            for placement in plan.placements
            if not isinstance(placement.neuron, Keep)
        }
        stats = observe(graph, observers, calibration, resources, self.batches)
        model = build_spiking_model(graph, plan, stats, timesteps, resources)
        if self.weights or self.bias or self.potential:
            inputs = correction_inputs(model, calibration, self.samples, resources)
            if self.weights:
                calibrate_weights(model, inputs, Descent(self.iterations, self.rate, resources.seed))
            correct(model, inputs, bias=self.bias, potential=self.potential)
            model.forget()
        return model


@hookimpl
def snnfw_register_converters() -> Iterable[type[Converter]]:
    """Register ``converter=calibration``."""
    return [Calibration]


@hookimpl
def snnfw_register_presets() -> Iterable[Preset]:
    """Register ``plugin=calibration``: plain calibration, one spike in a timestep."""
    return [
        Preset(
            name="calibration",
            layers=(
                Rule("*", IntegrateAndFire(shift=True), activation="relu", optional=True),
                Rule("*", Tracking(phi=1), optional=True),
            ),
            converter=Calibration(),
            timesteps=32,
            summary="SNN Calibration: integrate-and-fire neurons, least-squares thresholds, bias correction",
        )
    ]
