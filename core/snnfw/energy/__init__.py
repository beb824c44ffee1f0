"""Energy: operations counted and charged; what counts events or multiplications, or sets a price, comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.energy.charges import Energy, layer_energy, network_energy, spiking_energy
    from snnfw.energy.model import EnergyModel

__all__ = [
    "Energy",
    "EnergyModel",
    "layer_energy",
    "network_energy",
    "spiking_energy",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "charges": "Energy layer_energy network_energy spiking_energy",
        "model": "EnergyModel",
    },
)
