"""Energy: operations counted and charged; what counts events or multiplications, or sets a price, comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.energy.break_even import break_even_rate, break_even_rates
    from snnfw.energy.charges import Energy, layer_energy, network_energy, spiking_energy
    from snnfw.energy.horowitz import Horowitz
    from snnfw.energy.information import information_bits
    from snnfw.energy.inventory import Inventory, Operation, Population, take_inventory
    from snnfw.energy.model import EnergyModel, Parts, Static

__all__ = [
    "Energy",
    "EnergyModel",
    "Horowitz",
    "Inventory",
    "Operation",
    "Parts",
    "Population",
    "Static",
    "break_even_rate",
    "break_even_rates",
    "information_bits",
    "layer_energy",
    "network_energy",
    "spiking_energy",
    "take_inventory",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "break_even": "break_even_rate break_even_rates",
        "charges": "Energy layer_energy network_energy spiking_energy",
        "horowitz": "Horowitz",
        "information": "information_bits",
        "inventory": "Inventory Operation Population take_inventory",
        "model": "EnergyModel Parts Static",
    },
)
