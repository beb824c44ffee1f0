"""Hold a converter against its contract, on a small network."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from snnfw.checks.faults import are_finite, are_same, error_text, faults_or_failure, pickle_faults
from snnfw.checks.toy import TIMESTEPS, Toy, ToyNeuron, make_toy
from snnfw.contracts import Converter, Neuron, Rule
from snnfw.errors import describe_type
from snnfw.planning.placement import Plan, place
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs, Keep, Resources


def check_converter(converter: Converter, neuron: Neuron | None = None) -> list[str]:
    """Return the faults of a converter, in sentences; empty when it has none.

    ``neuron`` stands at the network's activations, for a converter that is made for one.
    """
    neuron = neuron or ToyNeuron()
    return [
        *pickle_faults(converter),
        *faults_or_failure(lambda: _faults(converter, neuron), "converting a small network"),
    ]


def _faults(converter: Converter, neuron: Neuron) -> Iterator[str]:
    trial = make_toy()
    plan = place(trial.graph, (Rule("*", neuron),))
    before, calibration = trial.weights(), [tensor.clone() for (tensor,) in trial.bundle.data.calibration]
    model: object = _convert(converter, trial, plan)
    if not isinstance(model, SpikingModel):
        yield f"convert() returns {describe_type(model)}: it must return a snnfw.SpikingModel."
        return
    inputs = trial.bundle.example
    output = model(*inputs)
    yield from _model_faults(model, inputs, trial)
    if not are_same(_convert(converter, trial, plan)(*inputs), output):
        yield "converting the same plan again gives another model: draw with resources.seed, and keep nothing."
    if not are_same(trial.weights(), before):
        yield "it changes the weights of the network or of its graph: what it finds belongs into the spiking model."
    if not are_same([tensor for (tensor,) in trial.bundle.data.calibration], calibration):
        yield "it changes the calibration data in place."
    yield from _refusals(converter, trial, neuron)


def _convert(converter: Converter, trial: Toy, plan: Plan, timesteps: int = TIMESTEPS) -> SpikingModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # as a run does
        return converter.convert(trial.graph, plan, trial.bundle.data.calibration, timesteps, Resources())


def _model_faults(model: SpikingModel, inputs: Inputs, trial: Toy) -> Iterator[str]:
    """See that the model runs, for the timesteps that were asked for, and forgets a run before the next."""
    if model.timesteps != TIMESTEPS:
        yield f"the model is made for {model.timesteps} timesteps and {TIMESTEPS} were asked for."
    output, wanted = model(*inputs), trial.graph(*inputs)
    if output.shape != wanted.shape or not are_finite(output):
        yield f"the model's output is not finite, or its shape {list(output.shape)} is not {list(wanted.shape)}."
        return
    model(*(tensor.flip(0) + 1 for tensor in inputs))
    if not are_same(model(*inputs), output):
        yield "run after other inputs the model gives another output: what it remembers is not reset."


def _refusals(converter: Converter, trial: Toy, neuron: Neuron) -> Iterator[str]:
    """See that it takes what every run may ask of it."""
    kept = (Rule("relu1", Keep()), Rule("*", neuron))
    asked = {
        "a plan with a site kept analog": (place(trial.graph, kept), TIMESTEPS),
        "a single timestep": (place(trial.graph, kept[1:]), 1),
    }
    for what, (plan, timesteps) in asked.items():
        try:
            _convert(converter, trial, plan, timesteps)(*trial.bundle.example)
        except Exception as error:  # whatever a stranger's code raises
            yield f"it does not take {what}: {error_text(error)}."
