"""Find the layers whose weights can be calibrated: operators with weights of their own, and what reads them."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import fx

from snnfw import Site
from snnfw.capture import Graph, overload_packet
from snnfw.planning import Kind

if TYPE_CHECKING:
    from snnfw import SpikingModel

LOG = logging.getLogger("snnfw")

aten = torch.ops.aten
WEIGHTED = {aten.linear, aten.conv1d, aten.conv2d, aten.conv3d}
WEIGHTED |= {aten.conv_transpose1d, aten.conv_transpose2d, aten.conv_transpose3d}


@dataclass(frozen=True, slots=True)
class Layer:
    """Operators whose weights change together, the sum of what they put out, and the site that reads it, if one does.

    Where no neuron reads an operator, alone or through additions, its own output is what is to be mended.
    """

    operators: tuple[fx.Node, ...]
    total: fx.Node
    site: Site | None

    @property
    def weights(self) -> tuple[fx.Node, ...]:
        """Return the weights and biases that change."""
        return tuple(weight for operator in self.operators for weight in weights_of(operator))


def weights_of(operator: fx.Node) -> tuple[fx.Node, ...]:
    """Return an operator's weight and bias."""
    return tuple(read for read in operator.args[1:3] if isinstance(read, fx.Node))


def find_layers(model: SpikingModel) -> list[Layer]:
    """Return every layer in the order of execution, saying which ones are left out because they share weights."""
    graph = model.graph
    sites = {site.node: site for site, _ in model.site_neurons()}
    ends: dict[fx.Node, Site | None] = {}
    operators: dict[fx.Node, list[fx.Node]] = {}
    for operator in _operators(model):
        total, site = _end(graph, operator, sites)
        ends[total] = site
        operators.setdefault(total, []).append(operator)
    return [Layer(tuple(operators[node]), node, ends[node]) for node in graph.nodes if node in operators]


def _operators(model: SpikingModel) -> list[fx.Node]:
    """Return the operators with weights that are no other operator's and that the first timestep is still to read."""
    nodes = model.graph.nodes
    fates = model.plan.fates
    uses = Counter(node.target for node in nodes if node.op == "get_attr" for _ in node.users)
    found, neurons_before = [], 0
    for node in nodes:
        neurons_before += node.name in model.neurons
        late = fates[node.name].kind in (Kind.LINEAR, Kind.READOUT) or not neurons_before
        if overload_packet(node) not in WEIGHTED or not late or any(read.op != "get_attr" for read in weights_of(node)):
            continue
        if any(uses[read.target] > 1 for read in weights_of(node)):
            LOG.warning(
                "snnfw: the weights of '%s' are not calibrated: another operator reads them too.",
                model.graph.paths.get(node.name) or node.name,
            )
            continue
        found.append(node)
    return found


def _end(graph: Graph, operator: fx.Node, sites: dict[str, Site]) -> tuple[fx.Node, Site | None]:
    """Follow an operator through additions to the neuron that it alone drives, with no other neuron on the way."""
    nodes = graph.nodes
    start = nodes.index(operator)
    following = next((node for node in nodes[start:] if node.name in sites), None)
    total = operator
    while len(total.users) == 1:
        (user,) = total.users
        if user is following:
            return total, sites[user.name]
        if (
            overload_packet(user) is not aten.add
            or not all(isinstance(read, fx.Node) for read in user.args)
            or user.kwargs
        ):
            break
        if following is not None and nodes.index(user) > nodes.index(following):
            break
        total = user
    return operator, None
