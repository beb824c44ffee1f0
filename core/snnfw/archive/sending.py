"""Send graphs and spiking models to processes of our own, which no pickle carries: by what a file would hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from snnfw.archive.graphs import graph_to_plain, plain_to_graph
from snnfw.capture.graph import Graph, find_attribute
from snnfw.launching import Reducers
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.placement import Plan
from snnfw.spiking.model import SpikingModel
from snnfw.values import SiteStats


def reduce_graph(graph: Graph) -> tuple[Any, ...]:
    """Return what makes an equal graph."""
    return plain_to_graph, graph_to_plain(graph)


def reduce_model(model: SpikingModel) -> tuple[Any, ...]:
    """Return what makes an equal model, without a state; weights that are the graph's own are sent with it alone."""
    neurons = {site.name: neuron for site, neuron in model.site_neurons()}
    for neuron in neurons.values():
        neuron.reset()
    state = {key: value for key, value in model.state_dict().items() if not _is_the_graphs(model.graph, key, value)}
    return make_model, (model.graph, model.plan, neurons, model.timesteps, model.stats, state)


def make_model(
    graph: Graph,
    plan: Plan,
    neurons: Mapping[str, SpikingNeuron],
    timesteps: int,
    stats: Mapping[str, SiteStats],
    state: Mapping[str, Tensor],
) -> SpikingModel:
    """Return the model that was sent."""
    made = SpikingModel(graph, plan, neurons, timesteps)
    made.stats = stats
    made.load_state_dict({**made.state_dict(), **state})
    return made


def _is_the_graphs(graph: Graph, key: str, value: Tensor) -> bool:
    own = find_attribute(graph.module, key.removeprefix("network.")) if key.startswith("network.") else None
    return isinstance(own, Tensor) and own.dtype == value.dtype and own.equal(value)


REDUCERS: Reducers = {Graph: reduce_graph, SpikingModel: reduce_model}
"""How they pickle on their way to workers."""
