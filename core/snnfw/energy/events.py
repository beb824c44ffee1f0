"""Count the events that reach each layer, through everything that moves, adds or pools spikes."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx

from snnfw.capture import operators as table
from snnfw.capture.graph import Where, evaluate, map_leaves
from snnfw.capture.sites import overload_packet
from snnfw.energy.windows import window_sum
from snnfw.neurons.timefold import select, sum_per_sample
from snnfw.planning.kinds import Kind
from snnfw.spiking.model import SpikingModel
from snnfw.values import Site


@torch.no_grad()
def accumulations(model: SpikingModel, samples: Tensor | None = None, only: Site | None = None) -> dict[str, Tensor]:
    """Return the accumulate operations of each event-driven layer since the reset, per sample, by node: [N], float64.

    Of the samples with these indices ([K], long) where they are given, else of all.

    Every neuron counts its events element by element; the graph itself then carries the counts to the layers: additions
    add counts, pools sum them, concatenations and slices move them. A layer's accumulations are its MACs times events
    per input element: events times fan-out, padding counted as the MACs themselves count it. A product of two streams
    accumulates for the events of both, each of which meets the stored values of the other; where the network counts no
    MACs for it, as for a gate, it has one for each element of its result. Behind a maximum, signed events are counted
    by the maximum of their number, which may be a few percent too many.

    With ``only`` they are those that this site's events would cause by themselves. Over all sites they add up to the
    whole, or to more behind a maximum over sums of several sites' events.
    """
    counts = _counts(model, samples, only)
    result: dict[str, Tensor] = {}
    for node in model.graph.nodes:
        fate = model.plan.fates[node.name]
        if not fate.events:
            continue
        carrying = [read for read in table.operands(node) if read.name in model.plan.carriers]
        reads = [read for read in carrying if read in counts]
        connections = fate.macs or (model.graph.elements[node.name] if len(carrying) > 1 else 0)
        if reads and connections:
            fans = [_events(model, read, counts) * (connections / model.graph.elements[read.name]) for read in reads]
            result[node.name] = functools.reduce(torch.add, fans)
    return result


def _events(model: SpikingModel, node: fx.Node, counts: Mapping[fx.Node, Any]) -> Tensor:
    return sum_per_sample(counts[node].double(), model.graph.where[node.name])


@torch.no_grad()
def spikes(model: SpikingModel, samples: Tensor | None = None) -> dict[str, Tensor]:
    """Return the events that each site has emitted since the reset, per sample, by site: [N], float64.

    Of the samples with these indices ([K], long) where they are given, else of all.
    """
    found = {}
    for site, neuron in model.site_neurons():
        if neuron.emitted is not None:
            place = model.graph.where[site.node]
            found[site.name] = sum_per_sample(_of(samples, place, neuron.emitted).double(), place)
    return found


def _counts(model: SpikingModel, samples: Tensor | None, only: Site | None) -> dict[fx.Node, Any]:
    """Return the events since the reset at every node that carries events; none at sites that do not count."""
    counts: dict[fx.Node, Any] = {}
    for node in model.graph.nodes:
        if node.name not in model.plan.carriers:
            continue
        if model.plan.fates[node.name].kind is Kind.SPIKING:
            emitted = _of(samples, model.graph.where[node.name], model.neurons[node.name].emitted)
            if only is None or node.name == only.node:
                counts[node] = emitted
        elif any(read in counts for read in node.all_input_nodes):
            counts[node] = _carried(model, node, counts, samples)
    return counts


def _of(samples: Tensor | None, where: Where, value: Any) -> Any:
    """Return the chosen samples of a value without time, leaf by leaf."""
    if samples is None:
        return value
    return map_leaves(lambda place, leaf: leaf if place is None else select(leaf, place, samples), where, value)


def _constant(model: SpikingModel, read: fx.Node, samples: Tensor | None) -> Any:
    """Return a value that does not vary in time, for the chosen samples."""
    if samples is not None and read.name in model.graph.sizes:
        return model.graph.sizes[read.name](len(samples))
    return _of(samples, model.graph.where.get(read.name), model.constant(read))


def _carried(model: SpikingModel, node: fx.Node, counts: Mapping[fx.Node, Any], samples: Tensor | None) -> Any:
    """Return the counts behind one operator."""
    operator = overload_packet(node)
    streams = [counts[read] for read in node.all_input_nodes if read in counts]

    def value_of(read: fx.Node) -> Any:
        if read in counts:
            return counts[read]
        if read.name in model.plan.silent or read.name in model.plan.carriers:
            return streams[0].new_zeros(_shape(model, read, samples))
        return _constant(model, read, samples)

    if operator in table.SUMS:
        added = [value_of(arg) for arg in node.args if isinstance(arg, fx.Node)]
        return functools.reduce(torch.add, added)
    if table.is_scaling(node):
        return streams[0].expand(_shape(model, node, samples))
    if operator in table.AVERAGES:
        return window_sum(operator, streams[0], node.args[1:], node.kwargs)
    return evaluate(model.network, node, value_of, model.moved and model.moved.in_place_alone)


def _shape(model: SpikingModel, node: fx.Node, samples: Tensor | None) -> list[int]:
    """Return the shape of a value for the samples that are counted."""
    count = model.samples if samples is None else len(samples)
    place = model.graph.where[node.name]
    sizes = enumerate(node.meta["val"].shape)
    return [place.outer * count * place.inner if place and dim == place.dim else int(size) for dim, size in sizes]
