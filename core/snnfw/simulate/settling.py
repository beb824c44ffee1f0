"""Look whether a delta-coded run has settled, and hold it against its quantised network then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from snnfw.errors import SnnfwError
from snnfw.neurons.delta_neuron import DeltaNeuron
from snnfw.simulate.memory import samples_within
from snnfw.spiking.model import SpikingModel
from snnfw.spiking.precision import dtype_name
from snnfw.store.batches import first_batch
from snnfw.values import DELTA, Batch, Batches, Inputs, Output

LOOKED_AT = 64
"""Samples on which a run is held against its quantised network."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """How far a delta-coded run has come, and how far its output is from its quantised network's, on some samples.

    ``unsent`` is the share of neurons that lacked a part of their value after each timestep; ``settled`` the timestep
    after which none did, if there was one, at which the run was left. From then on nothing is sent any more and the
    network *is* the one whose activations are rounded to thresholds: of ``elements`` outputs ``differing`` are not the
    same number, by ``largest`` at most, in arithmetic of type ``precision``.
    """

    samples: int
    unsent: Mapping[int, float]
    settled: int | None
    elements: int
    differing: int
    largest: float
    precision: str

    @property
    def exact(self) -> bool:
        """Tell whether the output equals the quantised network's, bit for bit."""
        return self.settled is not None and self.differing == 0


@torch.no_grad()
def certify(model: SpikingModel, inputs: Inputs, timesteps: int) -> Certificate:
    """Return the certificate of a delta-coded model for a batch of inputs, from a fresh run of so many timesteps.

    Raises:
        SnnfwError: the model is rate coded, or its input varies in time, so that there is nothing to settle at.

    """
    if model.plan.coding != DELTA or model.plan.temporal:
        why = "its input changes at every timestep" if model.plan.temporal else "it is rate coded"
        raise SnnfwError(f"this network cannot settle: {why}. Only a delta-coded network of a still input does.")
    unsent = {}
    model.begin(inputs)
    for timestep in range(1, timesteps + 1):
        model.advance(1)
        unsent[timestep] = unsent_share(model)
        if not unsent[timestep]:
            break  # nothing is sent any more, however long it runs
    reached, quantised = _leaves(model.read()), _leaves(settled_output(model, inputs))
    settled = next((timestep for timestep, share in unsent.items() if share == 0), None)
    pairs = list(zip(reached, quantised, strict=True))
    differences = [(ours - theirs).abs().nan_to_num(nan=torch.inf)[ours != theirs] for ours, theirs in pairs]
    return Certificate(
        samples=len(inputs[0]),
        unsent=unsent,
        settled=settled,
        elements=sum(leaf.numel() for leaf in reached),
        differing=sum(each.numel() for each in differences),
        largest=max((float(each.max()) for each in differences if each.numel()), default=0.0),
        precision=dtype_name(reached[0].dtype) if reached else "none",
    )


def certify_first(model: SpikingModel, evaluation: Batches[Batch], memory: int) -> Certificate | None:
    """Return the certificate for the first samples of evaluation data; None where there is nothing to settle at."""
    if model.plan.coding != DELTA or model.plan.temporal:
        return None
    first = first_batch(evaluation)
    if first is None:
        return None
    where = next(model.neurons.buffers()).device
    most = min(LOOKED_AT, samples_within(model, 1, memory))
    return certify(model, tuple(tensor[:most].to(where) for tensor in first.inputs), model.timesteps)


def unsent_share(model: SpikingModel) -> float:
    """Return which share of a model's neurons lack a part of their value after the last timestep, from 0 to 1."""
    lacking = [neuron.unsent() != 0 for neuron in _delta_neurons(model)]
    return sum(int(each.sum()) for each in lacking) / max(1, sum(each.numel() for each in lacking))


def settled_output(model: SpikingModel, inputs: Inputs) -> Output:
    """Return the output of a delta-coded model's quantised network: one timestep that carries every change whole."""
    with sending_all(model):
        model.begin(inputs)
        model.advance(1)
        output = model.read()
        model.forget()
    return output


@contextmanager
def sending_all(model: SpikingModel) -> Iterator[None]:
    """Let every neuron send all that it lacks at once."""
    neurons = list(_delta_neurons(model))
    before = [neuron.sends_all for neuron in neurons]
    try:
        for neuron in neurons:
            neuron.sends_all = True
        yield
    finally:
        for neuron, sends in zip(neurons, before, strict=True):
            neuron.sends_all = sends


def _delta_neurons(model: SpikingModel) -> Iterator[DeltaNeuron]:
    return (neuron for _, neuron in model.site_neurons() if isinstance(neuron, DeltaNeuron))


def _leaves(output: Output) -> list[Tensor]:
    leaves = pytree.tree_leaves(output)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.is_floating_point()]
