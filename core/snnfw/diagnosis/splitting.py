"""Split what separates every site's spiking activation from the network's own into where it comes from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from snnfw.conversion.activations import like_weights, require_inputs, take_samples, walk_sites
from snnfw.diagnosis.findings import SCHEMA, Diagnosis, Thresholds
from snnfw.diagnosis.references import own_values, seen_inputs, still_inputs
from snnfw.diagnosis.responses import reachable, steady_value
from snnfw.diagnosis.sums import SiteSums
from snnfw.errors import SnnfwError
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.rules import Neuron
from snnfw.simulate.measuring import watch_neurons
from snnfw.simulate.memory import samples_within
from snnfw.simulate.run import network_output
from snnfw.spiking.frames import frames_in
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs, Keep, Output, Site

SAMPLES = 64
"""Most samples that a diagnosis looks at, unless said otherwise."""


@dataclass(slots=True)
class _Stream:
    """What a site's neuron has read and sent in a run: the values that both streams stand for, and its events."""

    read: Tensor
    sent: Tensor
    events: float = 0.0


@dataclass(slots=True)
class _Totals:
    """Sums over the batches of a diagnosis."""

    sites: dict[str, SiteSums] = field(default_factory=dict)
    events: dict[str, float] = field(default_factory=dict)
    samples: int = 0
    output_error: float = 0.0
    output_squares: float = 0.0


@torch.no_grad()
def split_errors(
    model: SpikingModel, batches: Iterable[Inputs], memory: int = 2 * 2**30, samples: int = SAMPLES
) -> Diagnosis:
    """Return every site's error and its parts on the first ``samples`` samples; the model's state is lost.

    With f a site's function, a = f(x) its activation in the network, and y what its neuron sends for a stream of the
    value z: G is what the network's own operators make of what the neurons before have sent, s the neuron's value for
    a steady z, and [l, h] what it can send at all. Then

    y - a = [f(G) - f(x)] + [f(z) - f(G)] + [clip(f(z), l, h) - f(z)] + [s - clip(f(z), l, h)] + [y - s]

    are the parts *before*, *operators*, *clipping*, *quantisation* and *timing*, the last three as in Bu et al. (2022),
    "Optimal ANN-SNN Conversion", sections 3.2 and 3.3, where timing is called unevenness. Where the input is another
    frame at each timestep and coding is by rate, a is the mean over frames and x that of the input: their f(x) - a is
    *frames*.

    Raises:
        SnnfwError: there is no sample, or no neuron.

    """
    totals, place = _Totals(), next(iter(model.neurons.buffers()), None)
    if place is None:
        raise SnnfwError("the network has no neuron, so that nothing separates it from the network itself.")
    for inputs in _pieces(model, batches, memory, samples):
        _add(totals, model, tuple(tensor.to(place.device) for tensor in inputs), memory)
    if not totals.samples:
        raise SnnfwError("there is nothing to diagnose the network on: give at least one sample.")
    model.forget()
    described = {p.site.name: p.neuron.name for p in model.plan.placements}
    found = [
        totals.sites[site.name].summarise(
            described[site.name], _thresholds(neuron), totals.events[site.name] / totals.samples
        )
        for site, neuron in model.site_neurons()
    ]
    return Diagnosis(
        schema=SCHEMA,
        samples=totals.samples,
        timesteps=model.timesteps,
        coding=model.coding.name,
        output=math.sqrt(totals.output_error / totals.output_squares) if totals.output_squares else 0.0,
        events=sum(totals.events.values()) / totals.samples,
        sites=tuple(found),
    )


def _pieces(model: SpikingModel, batches: Iterable[Inputs], memory: int, samples: int) -> Iterator[Inputs]:
    """Yield the first samples in batches whose streams, and two values of every site, fit into memory."""
    graph = model.graph
    held = sum(graph.elements[site.node] for site, _ in model.site_neurons()) * 8 * 4
    most = max(1, min(samples_within(model, model.timesteps, memory), memory // max(1, held)))
    checked = (require_inputs(inputs, "a batch to diagnose on", len(graph.inputs)) for inputs in batches)
    for inputs in take_samples(checked, samples):
        for start in range(0, len(inputs[0]), most):
            yield tuple(tensor[start : start + most] for tensor in inputs)


def _add(totals: _Totals, model: SpikingModel, inputs: Inputs, memory: int) -> None:
    """Run both networks on a batch and add what separates them, site by site."""
    graph = model.graph
    streams = _watch(model, inputs, memory)
    ours = model.read()
    given = seen_inputs(model, inputs)
    neurons = {site.name: neuron for site, neuron in model.site_neurons()}
    methods = {p.site.name: p.neuron for p in model.plan.placements}
    sent = {name: stream.sent for name, stream in streams.items()}
    walked = zip(own_values(model, given), _after_neurons(model, given, sent), strict=True)
    for (site, still, activation), after in walked:
        if site.name not in streams:
            continue
        neuron, method, stream = neurons[site.name], methods[site.name], streams.pop(site.name)
        parts = _split(model, site, neuron, method, stream, (still, activation), after)
        totals.sites.setdefault(site.name, SiteSums(site)).add(activation.to(stream.sent.device), stream.sent, parts)
        totals.events[site.name] = totals.events.get(site.name, 0.0) + stream.events
    theirs = network_output(graph, given, frames_in(graph, given))
    for ours_leaf, theirs_leaf in zip(_leaves(ours), _leaves(theirs), strict=True):
        wanted = theirs_leaf.double().to(ours_leaf.device)
        totals.output_error += float((ours_leaf.double() - wanted).square().sum())
        totals.output_squares += float(wanted.square().sum())
    totals.samples += len(inputs[0])


def _watch(model: SpikingModel, inputs: Inputs, memory: int) -> dict[str, _Stream]:
    """Run the spiking network and return the values that each neuron has read and sent."""
    streams: dict[str, _Stream] = {}

    def visit(site: Site, neuron: SpikingNeuron, currents: Tensor) -> Tensor:
        read = currents.sum(0)
        output: Tensor = neuron(currents)
        if site.name in streams:
            streams[site.name].read += read
            streams[site.name].sent += output.sum(0)
        else:
            streams[site.name] = _Stream(read, output.sum(0))
        return output

    watch_neurons(model, inputs, model.timesteps, visit, memory)
    for site, neuron in model.site_neurons():
        stream = streams[site.name]
        stream.events = float(neuron.emitted.sum()) if neuron.emitted is not None else 0.0
        if not model.coding.sends_changes:
            stream.read, stream.sent = stream.read / model.timesteps, stream.sent / model.timesteps
    return streams


def _after_neurons(model: SpikingModel, inputs: Inputs, sent: Mapping[str, Tensor]) -> Iterator[Tensor]:
    """Yield what the network's own operators give every site of what the neurons before it have sent."""
    instead = dict(zip(sent, like_weights(tuple(sent.values()), model.graph.module), strict=True))
    for _, current, _ in walk_sites(model.graph, still_inputs(model, inputs), instead):
        yield current


def _split(
    model: SpikingModel,
    site: Site,
    neuron: SpikingNeuron,
    method: Neuron | Keep,
    stream: _Stream,
    own: tuple[Tensor, Tensor],
    after: Tensor,
) -> dict[str, Tensor]:
    """Return the parts of the difference between what a neuron has sent and the network's activation, in double."""
    still, activation = own
    coding, timesteps = model.coding, model.timesteps
    steady = steady_value(neuron, stream.read, coding, timesteps)
    burst = int(getattr(method, "burst", 1))
    low, high = reachable(neuron, site, stream.read, steady, burst, coding, timesteps)
    function = site.function
    there = stream.read.to(after.device, after.dtype)
    meant, steady, low, high = (value.double().to(after.device) for value in (function(there), steady, low, high))
    clipped = meant.clamp(low, high)
    propagated = function(after).double()
    parts = {
        "before": propagated - still.double(),
        "frames": still.double() - activation.double(),
        "operators": meant - propagated,
        "clipping": clipped - meant,
        "quantisation": steady - clipped,
        "timing": stream.sent.double().to(after.device) - steady,
    }
    return {name: part.to(stream.sent.device) for name, part in parts.items()}


def _thresholds(neuron: SpikingNeuron) -> Thresholds:
    values = neuron.threshold.double()
    return Thresholds(values.numel(), float(values.min()), float(values.mean()), float(values.max()))


def _leaves(output: Output) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, Tensor) and leaf.is_floating_point()]
