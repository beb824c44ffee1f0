"""What a network was converted with, so that it can be converted again with something changed."""

from __future__ import annotations

from dataclasses import dataclass

from snnfw.capture.graph import Graph
from snnfw.config.schema import MethodConfig
from snnfw.conversion.activations import observe
from snnfw.conversion.converter import Converter
from snnfw.conversion.direct import Direct, build_spiking_model
from snnfw.planning.placement import Plan
from snnfw.spiking.model import SpikingModel
from snnfw.values import Batches, Bundle, Inputs, Keep, Resources


@dataclass(frozen=True, slots=True)
class Conversion:
    """A captured network and its calibration inputs, with how it is converted: all that a plan needs to be a model.

    ``config`` is the method as it was asked for, ``bundle`` the network with the samples that exits may be fitted on.
    """

    graph: Graph
    converter: Converter
    calibration: Batches[Inputs]
    timesteps: int
    resources: Resources
    config: MethodConfig | None = None
    bundle: Bundle | None = None

    def convert(self, plan: Plan, before: SpikingModel | None = None) -> SpikingModel:
        """Return the spiking model of a plan, calibrated.

        Where each neuron has statistics of its own, those of ``before`` are taken for sites that have the same neuron.
        """
        if before is not None and isinstance(self.converter, Direct):
            return self._convert_directly(plan, before)
        return self.converter.convert(self.graph, plan, self.calibration, self.timesteps, self.resources)

    def _convert_directly(self, plan: Plan, before: SpikingModel) -> SpikingModel:
        neurons = {placement.site.name: placement.neuron for placement in before.plan.placements}
        placed = [placement for placement in plan.placements if not isinstance(placement.neuron, Keep)]
        known = {
            placement.site.name: before.stats[placement.site.name]
            for placement in placed
            if placement.site.name in before.stats and neurons.get(placement.site.name) == placement.neuron
        }
        observers = {
            placement.site.name: placement.neuron.observer(placement.site)
            for placement in placed
            if not isinstance(placement.neuron, Keep) and placement.site.name not in known
        }
        found = observe(self.graph, observers, self.calibration, self.resources) if observers else {}
        return build_spiking_model(self.graph, plan, {**known, **found}, self.timesteps, self.resources)
