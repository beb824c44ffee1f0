"""The spiking network that a user owns: a module like any other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snnfw.archive.files import dump_network, read_network, write_network
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

    def save(self, path: str | Path) -> None:
        """Write the network into one file, which ``snnfw.load`` opens; the calibration data is not in it.

        Raises:
            SnnfwError: something of it is not known how to write, or would not be the same when it is read.

        """
        write_network(self.model, Path(path), memory=self.memory, costs=self.costs, about=self.about)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy as the bytes of the file: a pickle holds no code of a network."""
        content = dump_network(self.model, memory=self.memory, costs=self.costs, about=self.about)
        return _from_bytes, (content, str(self.device), self.training)

    @property
    def device(self) -> torch.device:
        """Return where the network is."""
        tensors = self.model.state_dict().values()
        return next((tensor.device for tensor in tensors), torch.device("cpu"))

    def forward(self, *inputs: Tensor) -> Output:
        """Return the output after all timesteps, from a fresh state."""
        return self.model(*inputs)


def _from_bytes(content: bytes, device: str, training: bool) -> SpikingNetwork:
    """Return the network of a pickle, where it was."""
    found = read_network(content)
    made = SpikingNetwork(found.model, memory=found.memory, costs=found.costs, about=found.about)
    return made.to(device).train(training)
