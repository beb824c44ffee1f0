"""Neurons: the module that a method derives from; what folds time or observes activations comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.neurons.applied import BoundFunction
    from snnfw.neurons.delta_neuron import DeltaNeuron
    from snnfw.neurons.integrator import Integrator
    from snnfw.neurons.observers import (
        FixedThreshold,
        PeakThreshold,
        broadcast_channels,
        channel_rows,
        magnitude_percentile,
        replace_zero_thresholds,
    )
    from snnfw.neurons.spiking_neuron import SpikingNeuron, States
    from snnfw.neurons.timefold import fold, repeat, select, sum_per_sample, unfold

__all__ = [
    "BoundFunction",
    "DeltaNeuron",
    "FixedThreshold",
    "Integrator",
    "PeakThreshold",
    "SpikingNeuron",
    "States",
    "broadcast_channels",
    "channel_rows",
    "fold",
    "magnitude_percentile",
    "repeat",
    "replace_zero_thresholds",
    "select",
    "sum_per_sample",
    "unfold",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "applied": "BoundFunction",
        "delta_neuron": "DeltaNeuron",
        "integrator": "Integrator",
        "observers": (
            "FixedThreshold PeakThreshold replace_zero_thresholds channel_rows magnitude_percentile broadcast_channels"
        ),
        "spiking_neuron": "SpikingNeuron States",
        "timefold": "fold sum_per_sample repeat select unfold",
    },
)
