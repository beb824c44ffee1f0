"""The spiking network that a user owns: a module like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from snnfw.energy.model import EnergyModel
from snnfw.network.conversion import Conversion
from snnfw.planning.placement import Plan
from snnfw.spiking.model import SpikingModel
from snnfw.values import Output

MEMORY = 2 * 2**30
"""Bytes for the activations of one chunk of timesteps, unless said otherwise."""


class SpikingNetwork(nn.Module):
    """A spiking network, called like the network that it was converted from.

    ``about`` is its provenance as plain data: versions, configuration, calibration, scores. ``conversion`` is what it
    was converted with, as long as it is in the same process.
    """

    def __init__(
        self,
        model: SpikingModel,
        *,
        memory: int = MEMORY,
        costs: EnergyModel | None = None,
        about: Mapping[str, Any] | None = None,
        conversion: Conversion | None = None,
    ) -> None:
        super().__init__()
        self.model, self.memory = model, memory
        self.costs, self.about = costs or EnergyModel(), dict(about or {})
        self.conversion = conversion
        self.train(False)

    @property
    def plan(self) -> Plan:
        """Return every operator's fate and every site's neuron."""
        return self.model.plan

    @property
    def timesteps(self) -> int:
        """Return the timesteps of a call."""
        return self.model.timesteps

    def forward(self, *inputs: Tensor) -> Output:
        """Return the output after all timesteps, from a fresh state."""
        return self.model(*inputs)
