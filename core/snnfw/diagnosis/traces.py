"""Follow single neurons of a site over time: what they send, and their potential after each timestep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from snnfw.diagnosis.references import own_values, seen_inputs
from snnfw.diagnosis.responses import stream_value
from snnfw.errors import SnnfwError, unknown_name_error
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs, Site

NEURONS = 6
"""Neurons that are followed, unless said otherwise."""


@dataclass(frozen=True, slots=True)
class NeuronTrace:
    """One neuron over time: what it sends, and its potential after each timestep, empty where it keeps none.

    ``index`` is its place among the site's elements of a sample, ``activation`` what the network itself has there.
    """

    index: int
    activation: float
    threshold: float
    sent: tuple[float, ...]
    potential: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SiteTrace:
    """Some neurons of one site over time, for one sample; ``state`` names what is drawn as their potential."""

    site: str
    state: str
    neurons: tuple[NeuronTrace, ...]


@torch.no_grad()
def trace_neurons(model: SpikingModel, inputs: Inputs, site: str, neurons: Sequence[int] | None = None) -> SiteTrace:
    """Return what neurons of a site do for the first of some samples; without ``neurons`` those that are furthest off.

    Raises:
        SnnfwError: there is no such site, or no such neuron in it.

    """
    place, found = require_site(model, site)
    first = tuple(tensor[:1] for tensor in inputs)
    sent, states = [], []
    state = "potential" if "potential" in found.states else next(iter(found.states), "")

    def visit(there: Site, neuron: SpikingNeuron, currents: Tensor) -> Tensor:
        output: Tensor = neuron(currents)
        if there.name == site:
            sent.append(output[0].detach().double().cpu().flatten())
            value = getattr(neuron, state, None) if state else None
            states.append(value.double().cpu().expand_as(output[0]).flatten() if isinstance(value, Tensor) else None)
        return output

    model.begin(first)
    for _ in range(model.timesteps):
        model.advance(1, visit)
    model.forget()
    activation = _activation(model, first, site)
    streams = torch.stack(sent)
    chosen = _choose(neurons, (stream_value(streams, model.coding) - activation).abs(), site)
    thresholds = found.threshold.double().cpu().expand(_shape(model, place)).flatten()
    known = [each for each in states if each is not None]
    kept = torch.stack(known) if len(known) == len(states) else None
    return SiteTrace(
        site,
        state,
        tuple(
            NeuronTrace(
                index,
                float(activation[index]),
                float(thresholds[index]),
                tuple(streams[:, index].tolist()),
                () if kept is None else tuple(kept[:, index].tolist()),
            )
            for index in chosen
        ),
    )


def _choose(neurons: Sequence[int] | None, error: Tensor, site: str) -> list[int]:
    """Return the neurons asked for, or those with the largest error."""
    if neurons is None:
        return sorted(error.topk(min(NEURONS, len(error))).indices.tolist())
    if wrong := [index for index in neurons if not 0 <= index < len(error)]:
        raise SnnfwError(f"site '{site}' has no neuron {wrong[0]}: it has {len(error)}, from 0 to {len(error) - 1}.")
    return list(neurons)


def require_site(model: SpikingModel, name: str) -> tuple[Site, SpikingNeuron]:
    """Return the site of a name with its neuron, refusing one that has none."""
    there = {site.name: (site, neuron) for site, neuron in model.site_neurons()}
    if name not in there:
        raise unknown_name_error("site", name, there, listing="Sites with a neuron")
    return there[name]


def _activation(model: SpikingModel, inputs: Inputs, site: str) -> Tensor:
    """Return what a site's neurons should send for the sample, in a row."""
    own = own_values(model, seen_inputs(model, inputs))
    return next(activation for there, _, activation in own if there.name == site).double().cpu().flatten()


def _shape(model: SpikingModel, site: Site) -> tuple[int, ...]:
    """Return the shape of a site's activation for one sample, its batch dimension being as large as one makes it."""
    where = model.graph.where[site.node]
    return tuple(where.outer * where.inner if size is None else size for size in site.shape)
