"""What there is to charge in a network: its operators and neurons with the sizes that formulas need, for one sample."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx
from torch.utils import _pytree as pytree

from snnfw.capture.graph import BatchDim, Graph, get_attribute
from snnfw.capture.operators import BIAS
from snnfw.capture.sites import aten, overload_packet
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Fate, Placement, Plan
from snnfw.values import RATE, Keep


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator with multiply-accumulates, or a product of two streams of events; sizes are for one sample.

    With ``events`` it accumulates, else it multiplies. ``inputs`` are the elements of what varies from sample to
    sample, ``weights`` and ``biases`` those of what does not: a product of two streams has none. ``streams`` are the
    elements of each stream of events that it reads. A convolution has a ``kernel``
    of so many places, ``channels`` of its output and ``groups``; of any other operator ``kernel`` is 0. ``coding`` is
    the plan's, ``rate`` or ``delta``: in delta coding what is constant enters at the first timestep alone.
    """

    node: str
    kind: Kind
    macs: int
    events: bool
    repeats: bool
    inputs: int
    outputs: int
    streams: tuple[int, ...] = ()
    weights: int = 0
    biases: int = 0
    kernel: int = 0
    channels: int = 0
    groups: int = 1
    coding: str = RATE

    @property
    def fan_out(self) -> float:
        """Return the connections of an element of its streams on average, borders and strides included."""
        read = self.streams or (self.inputs,)
        return self.macs * len(read) / sum(read) if sum(read) else 0.0

    @property
    def spread(self) -> float:
        """Return the weights that one event meets where nothing is cut off: C_out/groups · kernel, or the fan-out."""
        return self.channels / self.groups * self.kernel if self.kernel else self.fan_out


@dataclass(frozen=True, slots=True)
class Population:
    """The neurons of a site: how many for one sample, the bits of each event, and whether a timestep multiplies them.

    ``leaks`` says that a potential is multiplied by a constant at every timestep.
    """

    site: str
    node: str
    neurons: int
    payload: int = 1
    leaks: bool = False
    coding: str = RATE


@dataclass(frozen=True, slots=True)
class Inventory:
    """A plan with the sizes of its operators and neurons, in the order of execution."""

    plan: Plan
    operations: tuple[Operation, ...]
    populations: tuple[Population, ...]


def take_inventory(graph: Graph, plan: Plan) -> Inventory:
    """Return what there is to charge in a plan for a graph."""
    coding = plan.coding
    nodes = {node.name: node for node in graph.nodes}
    fates = [fate for fate in plan.fates.values() if (fate.macs or fate.events) and not fate.placement]
    placed = [each for each in plan.placements if not isinstance(each.neuron, Keep)]
    return Inventory(
        plan,
        tuple(_operation(graph, nodes[fate.node], fate, plan.carriers, coding) for fate in fates),
        tuple(_population(graph, placement, coding) for placement in placed),
    )


def _population(graph: Graph, placement: Placement, coding: str) -> Population:
    site, neuron = placement.site, placement.neuron
    leaks = bool(getattr(neuron, "leaks", False))
    return Population(site.name, site.node, graph.elements[site.node], payload_of(neuron), leaks, coding)


def payload_of(neuron: object) -> int:
    """Return the bits that an event of a neuron carries: those that it names, or one."""
    return int(getattr(neuron, "payload", 1))


def _operation(graph: Graph, node: fx.Node, fate: Fate, carriers: Set[str], coding: str) -> Operation:
    given = [read for read in node.all_input_nodes if _varies(graph, read)]
    weights, biases = _constants(graph, node)
    return Operation(
        node=fate.node,
        kind=fate.kind,
        macs=fate.macs,
        events=fate.events,
        repeats=fate.repeats,
        inputs=sum(graph.elements.get(read.name, 0) for read in given),
        outputs=graph.elements.get(fate.node, 0),
        streams=tuple(graph.elements.get(read.name, 0) for read in given if fate.events and read.name in carriers),
        weights=weights,
        biases=biases,
        coding=coding,
        **_convolution(graph, node),
    )


def _varies(graph: Graph, node: fx.Node) -> bool:
    """Tell whether a value holds samples."""
    where = graph.where.get(node.name)
    return any(isinstance(leaf, BatchDim) for leaf in pytree.tree_leaves(where, is_leaf=_is_place))


def _is_place(value: object) -> bool:
    return value is None or isinstance(value, BatchDim)


def _constants(graph: Graph, node: fx.Node) -> tuple[int, int]:
    """Return the elements of an operator's weights and of its biases."""
    reads = [read for read in node.all_input_nodes if not _varies(graph, read)]
    sizes = {read: math.prod(shape) for read in reads if (shape := _shape(graph, read)) is not None}
    added = node.args[0] if BIAS.get(overload_packet(node)) == 0 else None
    ordered = sorted(sizes, key=lambda read: read is added)  # stable: in the order of the arguments
    weights = ordered[:1] if ordered[:1] != [added] else []
    return sum(sizes[read] for read in weights), sum(sizes[read] for read in ordered if read not in weights)


def _shape(graph: Graph, node: fx.Node) -> tuple[int, ...] | None:
    """Return the shape of a constant, or None where it is no tensor."""
    value = get_attribute(graph.module, str(node.target)) if node.op == "get_attr" else node.meta.get("val")
    return tuple(map(int, value.shape)) if isinstance(value, Tensor) else None


def _convolution(graph: Graph, node: fx.Node) -> Mapping[str, int]:
    """Return kernel, output channels and groups of a convolution, nothing of any other operator."""
    operator = overload_packet(node)
    name = getattr(operator, "__name__", "")
    weight = node.args[1] if name.startswith("conv") and len(node.args) > 1 else None
    shape = _shape(graph, weight) if isinstance(weight, fx.Node) else None
    if shape is None:
        return {}
    general = operator is aten.convolution
    groups = int(next(_argument(node, "groups", 8 if general else 6), 1))
    transposed = "transpose" in name or (general and bool(next(_argument(node, "transposed", 6), False)))
    return {
        "kernel": math.prod(shape[2:]),
        "channels": shape[1] * groups if transposed else shape[0],
        "groups": groups,
    }


def _argument(node: fx.Node, name: str, place: int) -> Iterator[Any]:
    """Yield an argument that is given by name or by place, if it is."""
    if name in node.kwargs:
        yield node.kwargs[name]
    elif len(node.args) > place:
        yield node.args[place]
