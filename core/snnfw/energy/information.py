"""How much a spiking network's values tell: the bits of a quantised network that tells as much."""

from __future__ import annotations

import math
from collections.abc import Callable

from snnfw.planning.placement import Plan
from snnfw.values import Keep


def information_bits(plan: Plan, timesteps: float) -> int | None:
    """Return the bits of activations that carry as much as so many timesteps of a plan's neurons; None without any.

    T timesteps, the mean where samples leave early, of at most φ spikes tell T·φ + 1 levels apart: ceil(log2(T·φ + 1))
    bits, for the largest φ (a neuron's ``burst``, 1 without one). A neuron whose values hold another number of bits
    says which in a method ``information(timesteps)``.
    """
    neurons = [placement.neuron for placement in plan.placements if not isinstance(placement.neuron, Keep)]
    return max((_bits(neuron, timesteps) for neuron in neurons), default=None)


def _bits(neuron: object, timesteps: float) -> int:
    told: Callable[[float], float] | None = getattr(neuron, "information", None)
    if told is not None:
        return max(1, math.ceil(told(timesteps)))
    burst: int = getattr(neuron, "burst", 1)
    return math.ceil(math.log2(timesteps * burst + 1))
