"""What a network was converted with, so that it can be converted again with something changed."""

from __future__ import annotations

from dataclasses import dataclass

from snnfw.capture.graph import Graph
from snnfw.config.schema import MethodConfig
from snnfw.conversion.converter import Converter
from snnfw.planning.placement import Plan
from snnfw.spiking.model import SpikingModel
from snnfw.values import Batches, Bundle, Inputs, Resources


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

    def convert(self, plan: Plan) -> SpikingModel:
        """Return the spiking model of a plan, calibrated."""
        return self.converter.convert(self.graph, plan, self.calibration, self.timesteps, self.resources)
