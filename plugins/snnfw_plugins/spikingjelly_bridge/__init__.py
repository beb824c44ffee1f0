"""SpikingJelly's own neurons and its rate-coding recipe, on the same graphs, data and reports as everything else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from snnfw import Batches, Converter, Inputs, Keep, Neuron, Preset, Resources, Rule, hookimpl
from snnfw_plugins.spikingjelly_bridge.neurons import NEURONS, IFNode

if TYPE_CHECKING:
    from snnfw import SpikingModel
    from snnfw.capture import Graph
    from snnfw.planning import Plan


@dataclass(frozen=True, slots=True)
class SpikingJellyRecipe:
    """Find thresholds as SpikingJelly's ``RateCodingRecipe`` does: a statistic of each batch, merged by momentum.

    θ = maximum of the first batch's activation, its percentile, or a share of its maximum; then, for every other
    batch, θ := (1 - m) · θ + m · θ_batch. Nothing is corrected.
    """

    name: ClassVar[str] = "spikingjelly"

    mode: Annotated[
        Literal["max"] | Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$")] | Annotated[float, Field(gt=0, le=1)],
        Field(description="statistic of a batch: max, a percentile such as 99.9%, or this share of the maximum"),
    ] = "max"
    momentum: Annotated[float, Field(ge=0, le=1, description="weight of a batch in the running threshold (m)")] = 0.1
    channel_wise: Annotated[bool, Field(description="one threshold per channel instead of per layer")] = False

    def __post_init__(self) -> None:
        """Refuse a percentile above 100."""
        if isinstance(self.mode, str) and self.mode != "max" and float(self.mode.rstrip("%")) > 100:
            raise ValueError(f"mode={self.mode} is above 100%")

    def convert(
        self, graph: Graph, plan: Plan, calibration: Batches[Inputs], timesteps: int, resources: Resources
    ) -> SpikingModel:
        """Return the spiking model, its thresholds found on every calibration batch."""
        from snnfw.conversion import build_spiking_model, observe
        from snnfw_plugins.spikingjelly_bridge.recipe import VoltageThreshold

        observers = {
            placement.site.name: VoltageThreshold(placement.site, self.mode, self.momentum, self.channel_wise)
            for placement in plan.placements
            if not isinstance(placement.neuron, Keep)
        }
        return build_spiking_model(graph, plan, observe(graph, observers, calibration, resources), timesteps, resources)


@hookimpl
def snnfw_register_neurons() -> Iterable[type[Neuron]]:
    """Register ``neuron=spikingjelly.IFNode`` and its kin."""
    return NEURONS


@hookimpl
def snnfw_register_converters() -> Iterable[type[Converter]]:
    """Register ``converter=spikingjelly``."""
    return [SpikingJellyRecipe]


@hookimpl
def snnfw_register_presets() -> Iterable[Preset]:
    """Register ``plugin=spikingjelly``: what its converter does to a network, which is of ReLUs only."""
    return [
        Preset(
            name="spikingjelly",
            layers=(Rule("*", IFNode(v_reset=None)),),
            converter=SpikingJellyRecipe(),
            timesteps=64,
            summary="SpikingJelly's own conversion: IFNode with soft reset, thresholds from its RateCodingRecipe",
        )
    ]
