"""Simulate: run a spiking model on data; what batches, scores, lets samples leave or traces comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.simulate.accuracy import Accuracy, cross_entropy, is_correct, require_logits
    from snnfw.simulate.measuring import evaluation_inputs, watch_neurons
    from snnfw.simulate.memory import samples_within, steps_within
    from snnfw.simulate.outputs import Outputs, outputs_of
    from snnfw.simulate.run import evaluate_network, simulate
    from snnfw.simulate.settling import Certificate, certify, settled_output
    from snnfw.simulate.states import (
        join_states,
        merge_metric_state,
        merge_state,
        metric_state,
        part_of_state,
        state_of,
    )
    from snnfw.simulate.trace import Point, Trace

__all__ = [
    "Accuracy",
    "Certificate",
    "Outputs",
    "Point",
    "Trace",
    "certify",
    "cross_entropy",
    "evaluate_network",
    "evaluation_inputs",
    "is_correct",
    "join_states",
    "merge_metric_state",
    "merge_state",
    "metric_state",
    "outputs_of",
    "part_of_state",
    "require_logits",
    "samples_within",
    "settled_output",
    "simulate",
    "state_of",
    "steps_within",
    "watch_neurons",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "accuracy": "Accuracy cross_entropy is_correct require_logits",
        "measuring": "evaluation_inputs watch_neurons",
        "memory": "samples_within steps_within",
        "outputs": "Outputs outputs_of",
        "run": "evaluate_network simulate",
        "settling": "Certificate certify settled_output",
        "states": "join_states merge_metric_state merge_state metric_state part_of_state state_of",
        "trace": "Point Trace",
    },
)
