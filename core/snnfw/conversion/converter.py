"""What a converter must offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from snnfw.values import Batches, Inputs, Resources

if TYPE_CHECKING:
    from snnfw.capture.graph import Graph
    from snnfw.planning.placement import Plan
    from snnfw.spiking.model import SpikingModel


@runtime_checkable
class Converter(Protocol):
    """Turn a planned graph into a spiking model, with the help of calibration data."""

    name: ClassVar[str]

    def convert(
        self, graph: Graph, plan: Plan, calibration: Batches[Inputs], timesteps: int, resources: Resources
    ) -> SpikingModel:
        """Return the spiking model, ready to be simulated for ``timesteps`` steps."""
        ...
