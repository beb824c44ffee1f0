"""One timestep of a spiking model as a pure program: states in, states out, and what runs once before the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.utils import _pytree as pytree

from snnfw.capture.graph import evaluate, is_summable, map_leaves
from snnfw.exports.program import Program, Values, fixed_nodes
from snnfw.exports.slots import Slot, first_state, samples_in
from snnfw.kernels.multistep import compute_dtype
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.kinds import Kind
from snnfw.spiking.affine import find_all_added, run_where_first
from snnfw.spiking.model import SpikingModel
from snnfw.spiking.reading import STREAMS, trace_flow

TENSOR = object()
"""Stands for a tensor in the result of an operator."""


class BeginProgram(Program):
    """What runs once: inputs to what no neuron feeds and streams read later, and the first states."""

    def __init__(
        self, model: SpikingModel, inputs: Sequence[Slot], states: Sequence[Slot], seeds: Sequence[Tensor]
    ) -> None:
        flow = trace_flow(model.graph, model.plan)
        fixed = fixed_nodes(flow)
        super().__init__(model, [node for node in flow.nodes_of(Kind.STATIC) if node not in {*flow.positions, *fixed}])
        self.inputs, self.states, self.held = tuple(inputs), tuple(states), held_nodes(model)
        for index, seed in enumerate(seeds):
            self.register_buffer(f"seed_{index}", seed)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the constants of a run and the first states, in the order in which a step takes them."""
        samples = samples_in(self.inputs, inputs)
        values: Values = {} if self.flow.temporal else self.placeholders(inputs)
        value_of = self.look_up(values, samples)
        for node in self.operators:
            values[node] = evaluate(self, node, value_of)
        constants = tensors_of([value_of(node) for node in self.held])
        seeds = (cast("Tensor", getattr(self, f"seed_{index}")) for index in range(len(self.states)))
        first = (first_state(slot, seed, samples) for slot, seed in zip(self.states, seeds, strict=True))
        return _distinct((*constants, *first), inputs)


class StepProgram(Program):
    """One timestep: constants, the frame where the input varies in time, and states to outputs, spikes and states.

    ``constants``, ``frames`` and ``states`` name what goes in, in this order. Out come the network's outputs after this
    timestep, the output of each site, and the states in the same order. The last state is the number of timesteps.
    """

    def __init__(
        self,
        model: SpikingModel,
        constants: Sequence[Slot],
        frames: Sequence[Slot],
        states: Sequence[Slot],
        held: Sequence[Any],
    ) -> None:
        flow = trace_flow(model.graph, model.plan)
        super().__init__(model, [*flow.nodes_of(*STREAMS, Kind.READOUT), model.graph.output])
        self.constants, self.frames, self.states = tuple(constants), tuple(frames), tuple(states)
        self.held, self._like = held_nodes(model), [pytree.tree_map(_mark, value) for value in held]
        self.sites = {site.node: site.name for site, _ in model.site_neurons()}
        self.neurons = nn.ModuleDict({site.node: neuron for site, neuron in model.site_neurons()})
        self.ends = self.flow.streams_read_out()
        self.coding, self.added = model.coding, find_all_added(self.flow, model.coding)

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Run one timestep."""
        outputs, spikes, after = self.run(values)
        return _distinct((*outputs, *spikes, *after), values)

    def run(self, given: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Return outputs, spikes and states after a timestep."""
        slots = (*self.constants, *self.frames, *self.states)
        samples = samples_in(slots, given)
        split = len(self.constants) + len(self.frames)
        named = dict(zip((slot.name for slot in self.states), given[split:], strict=True))
        after: dict[str, Tensor] = {"elapsed": named["elapsed"] + 1}
        values = self._held_values(given[: len(self.constants)])
        constant = dict(values)
        if self.frames:
            frames = self.placeholders(given[len(self.constants) : split])
            values |= {node: self._show(node, frame, named, after) for node, frame in frames.items()}
        means: Values = {}
        spikes = []
        for node in (*(node for node in self.ends if node in values), *self.flow.nodes_of(*STREAMS)):
            if node not in values:
                values[node] = self._advance(node, self.look_up(values, samples), named, after)
            if node in self.ends:
                means[node] = self._mean(node, values[node], named, after)
            if node.name in self.sites:
                spikes.append(values[node])
        outputs = self._read({**constant, **means}, samples)
        return outputs, spikes, [after[slot.name] for slot in self.states]

    def graph_shape(self, node: str) -> tuple[int, ...]:
        """Return the shape of a neuron's output behind its first dimension, for a few samples."""
        value = next(each.meta["val"] for each in self.graph.nodes if each.name == node)
        return tuple(int(size) if isinstance(size, int) else 2 for size in value.shape[1:])

    def _held_values(self, constants: Sequence[Tensor]) -> Values:
        """Return the constants of a run node by node, with what is no tensor put back."""
        tensors = iter(constants)
        return {
            node: pytree.tree_map(lambda leaf: next(tensors) if leaf is TENSOR else leaf, like)
            for node, like in zip(self.held, self._like, strict=True)
        }

    def _advance(
        self, node: fx.Node, value_of: Callable[[fx.Node], Any], states: Mapping[str, Tensor], after: dict[str, Tensor]
    ) -> Any:
        kind = self.flow.kinds[node]
        if kind is Kind.SPIKING:
            return self._fire(node, self._drive(cast("fx.Node", node.args[0]), value_of, states), states, after)
        if kind is Kind.LINEAR:
            added = self.added.get(node)
            if added is None:
                return evaluate(self, node, value_of)
            return run_where_first(added, is_first(states), value_of, partial(evaluate, self, node))
        streams = self.flow.streams_read(node)
        time = after["elapsed"] if self.coding.averages(kind is Kind.ANALOG) else None
        sums: Values = {}
        for read, name in zip(streams, sum_names(node, streams), strict=True):
            value = value_of(read)
            if is_summable(value):
                value = after[name] = states[name] + value
                value = value if time is None else value / time.to(value.dtype)
            sums[read] = value
        reached = evaluate(self, node, lambda read: sums[read] if read in sums else value_of(read))
        leaves, spec = pytree.tree_flatten(map_leaves(_where_samples_are, self.graph.where[node.name], reached))
        for index, leaf in enumerate(leaves):
            name = leaf_name(node, "previous", index)
            if isinstance(leaf, Tensor) and is_summable(leaf):
                after[name] = leaf if time is None else leaf * time.to(leaf.dtype)
                leaves[index] = after[name] - states[name]
        return pytree.tree_unflatten(leaves, spec)

    def _show(self, node: fx.Node, frame: Tensor, states: Mapping[str, Tensor], after: dict[str, Tensor]) -> Tensor:
        """Return a frame as the model streams it: in delta coding as the change against the one before."""
        name = leaf_name(node, "shown", 0)
        if name not in states:
            return frame
        after[name] = frame
        return frame - states[name]

    def _drive(self, source: fx.Node, value_of: Callable[[fx.Node], Any], states: Mapping[str, Tensor]) -> Tensor:
        """Return what a neuron reads: of what does not vary, in delta coding, all at the first timestep."""
        value: Tensor = value_of(source)
        if self.flow.varies(source) or not self.coding.sends_changes:
            return value
        return torch.where(is_first(states), value, torch.zeros_like(value))

    def _fire(self, node: fx.Node, drive: Tensor, states: Mapping[str, Tensor], after: dict[str, Tensor]) -> Tensor:
        neuron = cast("SpikingNeuron", self.neurons[node.name])
        names = [f"{self.sites[node.name]}.{name}" for name in neuron.states]
        before = tuple(states[name] for name in names)
        wide = drive.to(compute_dtype(drive.dtype))
        (output,), changed = neuron.single_step_functional_forward((wide,), before)
        after.update(zip(names, changed, strict=True))
        return output.to(drive.dtype)

    def _mean(self, node: fx.Node, value: Any, states: Mapping[str, Tensor], after: dict[str, Tensor]) -> Any:
        leaves, spec = pytree.tree_flatten(value)
        for index, leaf in enumerate(leaves):
            reached, total = leaf_name(node, "reached", index), leaf_name(node, "total", index)
            if reached in states:
                leaves[index] = after[reached] = states[reached] + leaf
            if total in states:
                after[total] = states[total] + leaves[index]
                leaves[index] = after[total] / after["elapsed"].to(leaf.dtype)
        return pytree.tree_unflatten(leaves, spec)

    def _read(self, values: Values, samples: Any) -> list[Tensor]:
        value_of = self.look_up(values, samples)
        for node in self.flow.nodes_of(Kind.READOUT):
            values[node] = evaluate(self, node, value_of)
        return tensors_of(self.graph.tree(evaluate(self, self.graph.output, value_of)))


def held_nodes(model: SpikingModel) -> tuple[fx.Node, ...]:
    """Return the nodes whose values a run computes once and every timestep reads."""
    flow = trace_flow(model.graph, model.plan)
    later = flow.constants_read_later()
    inputs = () if model.plan.temporal else (Kind.INPUT,)
    made = {*flow.positions, *fixed_nodes(flow)}
    return tuple(node for node in flow.nodes_of(Kind.STATIC, *inputs) if node in later and node not in made)


def is_first(states: Mapping[str, Tensor]) -> Tensor:
    """Return whether no timestep went before, as a tensor."""
    return states["elapsed"] == 0


def sum_names(node: fx.Node, streams: Sequence[fx.Node]) -> list[str]:
    """Return the names of the sums that an operator keeps of what it reads."""
    return [leaf_name(node, "sum", index) for index in range(len(streams))]


def leaf_name(node: fx.Node, what: str, index: int) -> str:
    """Return the name of a state that belongs to an operator's result."""
    return f"{node.name}.{what}" if index == 0 else f"{node.name}.{what}.{index}"


def tensors_of(value: Any) -> list[Tensor]:
    """Return the tensors of a tree, in order."""
    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]


def _mark(leaf: Any) -> Any:
    return TENSOR if isinstance(leaf, Tensor) else leaf


def _where_samples_are(place: Any, leaf: Any) -> Any:
    return leaf if place is not None and isinstance(leaf, Tensor) else None


def _distinct(values: Sequence[Tensor], given: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return tensors of which none is another one, or one that was given: graphs need a name for each."""
    seen = {id(value) for value in given}
    result = []
    for value in values:
        result.append(value.clone() if id(value) in seen else value)
        seen.add(id(value))
    return tuple(result)
