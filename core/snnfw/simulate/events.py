"""Count the events that reach each layer, through everything that moves, adds or pools spikes."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx

from snnfw.capture.graph import evaluate
from snnfw.capture.sites import aten, packet
from snnfw.plan import operators as table
from snnfw.plan.kinds import Kind
from snnfw.spiking.model import SpikingModel
from snnfw.spiking.timefold import per_sample


@torch.no_grad()
def accumulations(model: SpikingModel) -> dict[str, Tensor]:
    """Return the accumulate operations of each event-driven layer since the reset, per sample, by node: [N], float64.

    Every neuron counts its events element by element; the graph itself then carries the counts to the layers: additions
    add counts, pools sum them, concatenations and slices move them. A layer's accumulations are its MACs times events
    per input element: events times fan-out, padding counted as the MACs themselves count it. Behind a maximum, signed
    events are counted by the maximum of their number, which may be a few percent too many.
    """
    counts = _counts(model)
    result: dict[str, Tensor] = {}
    for node in model.graph.nodes:
        fate = model.plan.fates[node.name]
        if fate.events and fate.macs:
            source = next(read for read in node.all_input_nodes if read in counts)
            events = per_sample(counts[source].double(), model.graph.where[source.name])
            result[node.name] = events * (fate.macs / model.graph.elements[source.name])
    return result


@torch.no_grad()
def spikes(model: SpikingModel) -> dict[str, Tensor]:
    """Return the events that each site has emitted since the reset, per sample, by site: [N], float64."""
    return {
        site.name: per_sample(neuron.emitted.double(), model.graph.where[site.node])
        for site, neuron in model.site_neurons()
        if neuron.emitted is not None
    }


def _counts(model: SpikingModel) -> dict[fx.Node, Any]:
    """Return the events since the reset at every node that carries events."""
    counts: dict[fx.Node, Any] = {}
    for node in model.graph.nodes:
        if node.name not in model.plan.carriers:
            continue
        if model.plan.fates[node.name].kind is Kind.SPIKING:
            counts[node] = model.neurons[node.name].emitted
        else:
            counts[node] = _carried(model, node, counts)
    return counts


def _carried(model: SpikingModel, node: fx.Node, counts: Mapping[fx.Node, Any]) -> Any:
    """Return the counts behind one operator."""
    operator = packet(node)
    streams = [counts[read] for read in node.all_input_nodes if read in counts]
    if operator in table.SUMS:
        return functools.reduce(torch.add, streams)
    if table.scales(node):
        return streams[0].expand([n if n is not None else -1 for n in _shape(model, node)])
    if operator in (aten.sum, aten.mean):
        return aten.sum.dim_IntList(streams[0], *node.args[1:], **node.kwargs)

    def value_of(read: fx.Node) -> Any:
        return counts[read] if read in counts else model.constant(read)

    moved = evaluate(model.network, node, value_of)
    return moved * _window(model, node) if operator in table.AVERAGES else moved


def _window(model: SpikingModel, node: fx.Node) -> float:
    """Return how many elements an average pool averages: it is the sum of events that goes on."""
    kernel: Any = node.args[1]
    if "adaptive" in packet(node).__name__:
        before = model.graph.elements[node.all_input_nodes[0].name]
        return before / model.graph.elements[node.name]
    spatial = int(packet(node).__name__[-2])
    return float(math.prod(kernel)) if len(kernel) > 1 else float(kernel[0] ** spatial)


def _shape(model: SpikingModel, node: fx.Node) -> list[int | None]:
    value = node.meta["val"]
    place = model.graph.where[node.name]
    return [None if dim == place.dim else int(size) for dim, size in enumerate(value.shape)]
