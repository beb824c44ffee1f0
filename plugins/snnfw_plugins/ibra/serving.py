"""Serve a network as bits: every integer leaves its neuron bit by bit, and consumers do nothing but add weights."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, cast

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from snnfw import Output, SpikingModel
from snnfw.capture import BatchDim, evaluate, last_uses, map_leaves, overload_packet
from snnfw.kernels import bit_width
from snnfw.neurons import fold, repeat, sum_per_sample, unfold
from snnfw.planning import Kind
from snnfw.spiking import STREAMS, Cumulative
from snnfw_plugins.ibra.bits import bit_plane
from snnfw_plugins.ibra.lowering import BIASED, Lowering, Role, lower, scale_factor, weight_of, window_size
from snnfw_plugins.ibra.node import BinaryNeuron

Order = Literal["lsb", "msb"]
"""Which bit goes out first: with the highest first, what has been added so far doubles with each bit."""


@dataclass(frozen=True, slots=True)
class Bits:
    """A stream as bit planes, for each worth g of its lowest bit: value = Σ_g g · Σ_b 2^b · planes[g][b].

    A plane holds whole numbers of events: 0 or 1 behind a neuron, more where streams have been added.
    """

    planes: Mapping[float, Sequence[Any]]


class BitSerial:
    """A spiking network of ``ibra`` neurons in bit-serial form, with the output of its integer form.

    In each of T timesteps a neuron updates its membrane once and sends its integer as B bits, one in each virtual
    timestep. Whatever reads them adds 2^b · (W s/N) for each event of virtual timestep b, and its bias once per
    timestep (IBRA-LIF, Eqs. 12 to 15, with bits counted from 0). No consumer sees an integer but a maximum, which
    compares integers before they are sent; streams from neurons with different scales keep bit planes of their own.

    After a call ``spikes`` holds the events of each site and ``accumulations`` those of each event-driven layer times
    their fan-out, per sample: [N], float64.
    """

    def __init__(self, model: SpikingModel, order: Order = "lsb") -> None:
        self.model, self.order = model, order
        self.lowering = lower(model)
        self.spikes: dict[str, Tensor] = {}
        self.accumulations: dict[str, Tensor] = {}

    @property
    def virtual_timesteps(self) -> int:
        """Return T · B, for the neuron with the most bits."""
        neurons = (cast("BinaryNeuron", neuron) for _, neuron in self.model.site_neurons())
        return self.model.timesteps * max(neuron.limit.bit_length() for neuron in neurons)

    @torch.no_grad()
    def __call__(self, *inputs: Tensor) -> Output:
        """Return the output after all timesteps, from a fresh state."""
        model, fates = self.model, self.model.plan.fates
        model.begin(inputs)
        streams = _Pass(model, self.lowering, self.order, model.timesteps)
        streams.run(node for node in model.graph.nodes if fates[node.name].kind in STREAMS)
        readout = _Pass(model, self.lowering, self.order, 1, streams.over_time())
        readout.run(node for node in model.graph.nodes if fates[node.name].kind is Kind.READOUT)
        self.spikes = streams.spikes
        self.accumulations = streams.accumulations | readout.accumulations
        return model.graph.tree(evaluate(model.network, model.graph.output, readout.value))


@dataclass(slots=True)
class _Pass:
    """Operators run on ``steps`` timesteps of the model's samples at once: the streams, or the readout on one."""

    model: SpikingModel
    lowering: Lowering
    order: Order
    steps: int
    values: dict[fx.Node, Any] = field(default_factory=dict)
    spikes: dict[str, Tensor] = field(default_factory=dict)
    accumulations: dict[str, Tensor] = field(default_factory=dict)

    def run(self, nodes: Iterable[fx.Node]) -> None:
        """Compute every node, in order."""
        handlers: dict[Role, Callable[[fx.Node], Any]] = {
            Role.NEURON: self._fire,
            Role.MOVE: self._move,
            Role.SUM: self._move,
            Role.GAIN: self._gain,
            Role.MAXIMUM: self._maximum,
            Role.WEIGH: self._weigh,
            Role.READ: self._plain,
            Role.PLAIN: self._plain,
        }
        inside = tuple(nodes)
        free = last_uses(inside)
        for node in inside:
            self.values[node] = handlers[self.lowering.roles[node]](node)
            for done in free[node]:
                if set(done.users).issubset(inside):
                    self.values.pop(done, None)

    def over_time(self) -> dict[fx.Node, Any]:
        """Return the readout's inputs: the sum of each plane, a bit of which is worth 1/T, and means of currents."""
        fates, graph = self.model.plan.fates, self.model.graph
        ends = (Kind.READOUT, Kind.OUTPUT)
        read = [node for node in self.values if any(fates[user.name].kind in ends for user in node.users)]
        return {node: self._over_time(graph.where[node.name], self.values[node]) for node in read}

    def value(self, read: fx.Node) -> Any:
        """Return a node's value, bits at their worth; constants once for each timestep."""
        if read not in self.values:
            return self._constant(read)
        held = self.values[read]
        return self._worth(held) if isinstance(held, Bits) else held

    def _constant(self, read: fx.Node) -> Any:
        graph = self.model.graph
        if read.name in graph.sizes:
            return graph.sizes[read.name](self.steps * self.model.samples)
        return map_leaves(
            lambda place, leaf: leaf if place is None else repeat(leaf, place, self.steps),
            graph.where[read.name],
            self.model.constant(read),
        )

    def _worth(self, bits: Bits) -> Any:
        """Return Σ_g g · Σ_b 2^b · plane_b: each event through a connection of weight g."""
        parts = [pytree.tree_map(lambda *p, g=gain: g * self._added(p), *each) for gain, each in bits.planes.items()]
        return functools.reduce(lambda one, other: pytree.tree_map(torch.add, one, other), parts)

    def _added(self, parts: Sequence[Tensor]) -> Tensor:
        """Return Σ 2^b part_b, one virtual timestep after the other."""
        if self.order == "lsb":
            total = parts[0]
            for b, part in enumerate(parts[1:], 1):
                total = total + 2**b * part
            return total
        total = parts[-1]
        for part in reversed(parts[:-1]):
            total = 2 * total + part
        return total

    def _fire(self, node: fx.Node) -> Bits:
        """Update the membranes, once for each timestep, and send the integers as bits."""
        source = node.all_input_nodes[0]
        place: BatchDim = self.model.graph.where[node.name]
        neuron = cast("BinaryNeuron", self.model.neurons[node.name])
        integers = fold(neuron.integers(neuron(unfold(self.value(source), place, self.steps))), place)
        sent = [bit_plane(integers, b) for b in range(neuron.limit.bit_length())]
        placement = self.model.plan.fates[node.name].placement
        if placement:
            self.spikes[placement.site.name] = self._events(node, sent)
        return Bits({self.lowering.gains[node][0]: sent})

    def _move(self, node: fx.Node) -> Bits:
        """Run an operator on each plane of what it reads; averages of events become their sums."""
        count = window_size(self.model, node) if self.lowering.roles[node] is Role.SUM else 1.0
        read = {each: self.values[each] for each in node.all_input_nodes if isinstance(self.values.get(each), Bits)}
        worths = sorted({gain for bits in read.values() for gain in bits.planes})
        moved: dict[float, list[Any]] = {}
        for gain in worths:
            longest = max(len(bits.planes.get(gain, ())) for bits in read.values())
            each = [evaluate(self.model.network, node, partial(self._plane, gain, b)) for b in range(longest)]
            moved[gain / count] = each if count == 1 else [(part * count).round() for part in each]
        return Bits(moved)

    def _plane(self, gain: float, b: int, read: fx.Node) -> Any:
        """Return bit b of what is worth ``gain``, zeros where a stream has none."""
        bits = self.values.get(read)
        if not isinstance(bits, Bits):
            return self._constant(read)
        found = bits.planes.get(gain, ())
        if b < len(found):
            return found[b]
        return pytree.tree_map(torch.zeros_like, next(iter(bits.planes.values()))[0])

    def _gain(self, node: fx.Node) -> Bits:
        """Keep the planes; only what they are worth changes."""
        bits = next(self.values[read] for read in node.all_input_nodes if read in self.values)
        times = scale_factor(self.model, node)
        return Bits({gain * times: sent for gain, sent in bits.planes.items()})

    def _maximum(self, node: fx.Node) -> Bits:
        """Take the maximum of integers, over time as the model does, and send it as bits."""
        source = node.all_input_nodes[0]
        ((gain, sent),) = self.values[source].planes.items()
        where = self.model.graph.where
        largest = Cumulative(False, [where[source.name]], where[node.name])(
            lambda integers: evaluate(
                self.model.network, node, lambda read: integers if read is source else self._constant(read)
            ),
            self.steps,
            self._added(sent),
        )
        count = max(1, *(bit_width(leaf) for leaf in pytree.tree_leaves(largest) if leaf is not None))
        return Bits({gain: [pytree.tree_map(lambda leaf, b=b: self._nth(leaf, b), largest) for b in range(count)]})

    def _nth(self, leaf: Tensor | None, b: int) -> Tensor | None:
        return None if leaf is None else bit_plane(leaf, b)

    def _weigh(self, node: fx.Node) -> Tensor:
        """Add W s/N for each event, bit by bit, and the bias once."""
        source = next(read for read in node.all_input_nodes if isinstance(self.values.get(read), Bits))
        weight = weight_of(node, source)
        total: Any = 0
        for gain, sent in self.values[source].planes.items():
            folded = {weight: self.lowering.weights[node, gain]}
            total = total + self._added([self._product(node, folded | {source: plane}) for plane in sent])
        events = self._events(source, [plane for each in self.values[source].planes.values() for plane in each])
        fate, elements = self.model.plan.fates[node.name], self.model.graph.elements[source.name]
        if fate.macs:
            self.accumulations[node.name] = events * (fate.macs / elements)
        return self._with_bias(node, total)

    def _product(self, node: fx.Node, given: Mapping[fx.Node, Tensor]) -> Tensor:
        """Run a product on one plane, without its bias."""
        args: list[Any] = list(node.args)
        if overload_packet(node) in BIASED and len(args) > 2:
            args[2] = None
        function: Any = node.target
        taken = [fx.map_arg(each, lambda read: given[read] if read in given else self._constant(read)) for each in args]
        result: Tensor = function(*taken, **node.kwargs)
        return result

    def _with_bias(self, node: fx.Node, total: Tensor) -> Tensor:
        bias = node.args[2] if overload_packet(node) in BIASED and len(node.args) > 2 else None
        if not isinstance(bias, fx.Node):
            return total
        axis = -1 if overload_packet(node).__name__ == "linear" else 1
        shape = [-1 if dim == axis % total.dim() else 1 for dim in range(total.dim())]
        return total + torch.as_tensor(self._constant(bias)).view(shape)

    def _plain(self, node: fx.Node) -> Any:
        """Run an operator on currents, over time as the model does."""
        kind = self.model.plan.fates[node.name].kind
        if kind not in (Kind.MAXIMUM, Kind.ANALOG):
            return evaluate(self.model.network, node, self.value)
        streams = [read for read in dict.fromkeys(node.all_input_nodes) if read in self.values]
        where = self.model.graph.where

        def function(*tensors: Tensor) -> Any:
            given = dict(zip(streams, tensors, strict=True))
            return evaluate(self.model.network, node, lambda r: given[r] if r in given else self._constant(r))

        cumulative = Cumulative(kind is Kind.ANALOG, [where[read.name] for read in streams], where[node.name])
        return cumulative(function, self.steps, *map(self.value, streams))

    def _events(self, node: fx.Node, sent: Sequence[Tensor]) -> Tensor:
        """Return the events of a stream over all timesteps, per sample: [N]."""
        place = self.model.graph.where[node.name]
        each = sum(sum_per_sample(plane.abs().double(), place) for plane in sent)
        return torch.as_tensor(each).view(self.steps, -1).sum(0)

    def _over_time(self, where: Any, held: Any) -> Any:
        def summed(value: Any) -> Any:
            return map_leaves(
                lambda place, leaf: leaf if place is None or leaf is None else unfold(leaf, place, self.steps).sum(0),
                where,
                value,
            )

        if not isinstance(held, Bits):
            return map_leaves(lambda place, leaf: leaf if place is None else leaf / self.steps, where, summed(held))
        return Bits({gain / self.steps: [summed(each) for each in sent] for gain, sent in held.planes.items()})
