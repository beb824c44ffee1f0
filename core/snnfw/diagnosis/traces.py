"""Follow single neurons of a site over time: what they send, and their potential after each timestep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from snnfw.conversion.activations import like_weights, walk_sites
from snnfw.errors import SnnfwError, unknown_name_error
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.spiking.frames import first_frames, frames_in, mean_over_frames, single_frames
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
    names = [there.name for there, _ in model.site_neurons()]
    if site not in names:
        raise unknown_name_error("site", site, names, listing="Sites with a neuron")
    first = tuple(tensor[:1] for tensor in inputs)
    sent, states, found = [], [], next(neuron for there, neuron in model.site_neurons() if there.name == site)
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
    streams = torch.stack(sent, 1)
    value = streams.sum(1) if model.coding.sends_changes else streams.mean(1)
    chosen = _choose(neurons, (value - activation).abs(), site)
    thresholds = found.threshold.double().cpu().expand(_shape(model, site)).flatten()
    known = [each for each in states if each is not None]
    kept = torch.stack(known, 1) if len(known) == len(states) else None
    return SiteTrace(
        site,
        state,
        tuple(
            NeuronTrace(
                index,
                float(activation[index]),
                float(thresholds[index]),
                tuple(streams[index].tolist()),
                () if kept is None else tuple(kept[index].tolist()),
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


def _activation(model: SpikingModel, inputs: Inputs, site: str) -> Tensor:
    """Return the network's activation of the sample at a site: of frames what the coding stands for."""
    seen = like_weights(first_frames(model.graph, inputs, model.timesteps), model.graph.module)
    frames = frames_in(model.graph, seen)
    last = frames is not None and model.coding.sends_changes
    given = tuple(tensor[:, -1] for tensor in seen) if last else single_frames(model.graph, seen)
    for there, _, activation in walk_sites(model.graph, given):
        if there.name == site:
            mean = activation if last else mean_over_frames(activation, model.graph.where[there.node], frames)
            return mean.double().cpu().flatten()
    raise SnnfwError(f"site '{site}' is not in the network.")


def _shape(model: SpikingModel, site: str) -> tuple[int, ...]:
    """Return the shape of a site's activation for one sample, its batch dimension being as large as one makes it."""
    place = next(there for there, _ in model.site_neurons() if there.name == site)
    where = model.graph.where[place.node]
    return tuple(where.outer * where.inner if size is None else size for size in place.shape)
