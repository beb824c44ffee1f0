"""The rate of events at which a spiking network costs what a quantised network of equal information costs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from snnfw.energy.information import information_bits
from snnfw.energy.inventory import Inventory, Operation, Population
from snnfw.energy.model import EnergyModel


def break_even_rate(inventory: Inventory, model: EnergyModel, steps: float, passes: int = 1) -> float:
    """Return the events per input element and timestep at which spikes cost what a quantised network costs.

    That is of all layers that read events and all neurons together, with the same rate everywhere; NaN where there are
    none. 0 says that the spiking network costs more even without an event.
    """
    return _rate(inventory, model, _reading(inventory), inventory.populations, steps, passes)


def break_even_rates(inventory: Inventory, model: EnergyModel, steps: float, passes: int = 1) -> dict[str, float]:
    """Return the same of each layer that reads events by itself, by node, without any neurons."""
    return {layer.node: _rate(inventory, model, [layer], [], steps, passes) for layer in _reading(inventory)}


def _reading(inventory: Inventory) -> list[Operation]:
    """Return the layers whose events have a rate: so many for each input element."""
    return [operation for operation in inventory.operations if operation.events and operation.macs]


def _rate(
    inventory: Inventory,
    model: EnergyModel,
    layers: Sequence[Operation],
    populations: Sequence[Population],
    steps: float,
    passes: int,
) -> float:
    """Return r of silent + r · (one event per element and timestep - silent) = quantised: costs are affine in r."""
    bits = information_bits(inventory.plan, steps)
    if bits is None or not layers:
        return math.nan

    def spiking(rate: float) -> float:
        reading = [model.accumulate(layer, rate * layer.macs * steps, steps) for layer in layers]
        firing = [model.fire(each, rate * each.neurons * steps, steps) for each in populations]
        return sum(sum(parts.values()) for parts in (*reading, *firing))

    quantised = sum(sum(model.multiply(layer, bits).values()) for layer in layers) * passes
    silent, full = spiking(0.0), spiking(1.0)
    return max(0.0, (quantised - silent) / (full - silent)) if full > silent else math.nan
