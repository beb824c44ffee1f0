"""Simulate: run a spiking model on data; what batches, scores, lets samples leave or traces comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.simulate.memory import samples_within, steps_within
    from snnfw.simulate.outputs import Outputs, outputs_of
    from snnfw.simulate.run import evaluate_network, simulate
    from snnfw.simulate.trace import Point, Trace

__all__ = [
    "Outputs",
    "Point",
    "Trace",
    "evaluate_network",
    "outputs_of",
    "samples_within",
    "simulate",
    "steps_within",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "memory": "samples_within steps_within",
        "outputs": "Outputs outputs_of",
        "run": "evaluate_network simulate",
        "trace": "Point Trace",
    },
)
