"""Build the two programs of a spiking model, begin and step, from one timestep that was seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from snnfw.capture.graph import is_summable
from snnfw.errors import SnnfwError
from snnfw.exports.slots import Slot, seed_of, slot_of
from snnfw.exports.step import BeginProgram, StepProgram, held_nodes, leaf_name, sum_names, tensors_of
from snnfw.kernels.multistep import compute_dtype
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.spiking.cumulative import Cumulative, StreamValue
from snnfw.spiking.frames import frames_in
from snnfw.spiking.model import SpikingModel
from snnfw.spiking.reading import CUMULATIVE, trace_flow
from snnfw.values import Inputs, Site

INPUT, CONSTANT, FRAME, STATE, SITE, NEXT = "input.", "constant.", "frame.", "state.", "spikes.", "next."
"""What names begin with, so that they are none that an exporter gives a value of its own."""

State = tuple[Slot, Tensor]
"""A state, and its first value for one sample."""


@dataclass(frozen=True, slots=True)
class Programs:
    """A spiking model as two programs, and the names of all that goes in and comes out.

    ``begin`` takes ``inputs`` (of an input that varies in time any one frame) and returns ``constants`` and ``states``;
    ``step`` takes constants, ``frames`` and states and returns ``outputs``, what each of ``sites`` sends, and states.
    """

    begin: BeginProgram
    step: StepProgram
    inputs: tuple[Slot, ...]
    constants: tuple[Slot, ...]
    frames: tuple[Slot, ...]
    states: tuple[Slot, ...]
    outputs: tuple[str, ...]
    sites: tuple[str, ...]
    timesteps: int

    @property
    def names_given(self) -> list[str]:
        """Return the names of what a step takes."""
        return [*_named(CONSTANT, self.constants), *_named(FRAME, self.frames), *_named(STATE, self.states)]

    @property
    def names_of_inputs(self) -> list[str]:
        """Return the names of what ``begin`` takes."""
        return _named(INPUT, self.inputs)

    @property
    def names_begun(self) -> list[str]:
        """Return the names of what ``begin`` returns."""
        return [*_named(CONSTANT, self.constants), *_named(STATE, self.states)]

    @property
    def names_returned(self) -> list[str]:
        """Return the names of what a step returns."""
        return [*self.outputs, *(SITE + site for site in self.sites), *_named(NEXT, self.states)]

    def first_given(self, inputs: Inputs) -> tuple[Tensor, ...]:
        """Return what ``begin`` takes: the inputs, or their first frames."""
        return tuple(tensor[:, 0] for tensor in inputs) if self.frames else inputs

    def frames_given(self, inputs: Inputs, timestep: int) -> tuple[Tensor, ...]:
        """Return the frames that a step from ``timestep`` (0 at first) takes; none where the input does not vary."""
        return tuple(tensor[:, timestep] for tensor in inputs) if self.frames else ()


@torch.no_grad()
def build_programs(model: SpikingModel, inputs: Inputs) -> Programs:
    """Return the programs of a model, whose shapes and first states a timestep on some samples tells."""
    samples = at_least_two(inputs)
    first: dict[str, tuple[Tensor, ...]] = {}

    def visit(site: Site, neuron: SpikingNeuron, drive: Tensor) -> Tensor:
        first[site.name] = neuron.begin(drive[0].to(compute_dtype(drive.dtype)) + neuron.offset)
        result: Tensor = neuron(drive)
        return result

    try:
        model.begin(samples)
        model.advance(1, visit)
        held = [model.constant(node) for node in held_nodes(model)]
        shown = first_frames(model, samples)
        states = [*_states(model, first), *_frames_before(model, shown), _clock()]
        return _programs(model, shown, held, states)
    finally:
        model.forget()


def _named(prefix: str, slots: Iterable[Slot]) -> list[str]:
    return [prefix + slot.name for slot in slots]


def at_least_two(inputs: Inputs) -> Inputs:
    """Return inputs in which the number of samples cannot be taken for a size."""
    return tuple(torch.cat([tensor] * 3) if len(tensor) < 2 else tensor for tensor in inputs)


def first_frames(model: SpikingModel, inputs: Inputs) -> Inputs:
    """Return what the network itself takes: the inputs, or their first frames."""
    return inputs if frames_in(model.graph, inputs) is None else tuple(tensor[:, 0] for tensor in inputs)


def _programs(model: SpikingModel, shown: Inputs, held: list[Any], states: list[State]) -> Programs:
    names = [node.name for node in model.graph.inputs]
    inputs = tuple(map(slot_of, names, shown, [model.graph.where[name] for name in names]))
    varies = model.plan.temporal
    constants = tuple(_constants(model, held))
    slots = tuple(slot for slot, _ in states)
    begin = BeginProgram(model, inputs, slots, [seed for _, seed in states])
    step = StepProgram(model, constants, inputs if varies else (), slots, held)
    return Programs(
        begin,
        step,
        inputs,
        constants,
        inputs if varies else (),
        slots,
        tuple(_output_names(model.read())),
        tuple(site.name for site, _ in model.site_neurons()),
        model.timesteps,
    )


def _constants(model: SpikingModel, held: list[Any]) -> Iterator[Slot]:
    for node, value in zip(held_nodes(model), held, strict=True):
        places = pytree.tree_leaves(model.graph.where[node.name], is_leaf=lambda place: place is None)
        parts = pytree.tree_leaves(value)
        where = places if len(places) == len(parts) else [None] * len(parts)
        found = [(part, place) for part, place in zip(parts, where, strict=True) if isinstance(part, Tensor)]
        for index, (part, place) in enumerate(found):
            yield slot_of(node.name if not index else f"{node.name}.{index}", part, place)


def _states(model: SpikingModel, first: dict[str, tuple[Tensor, ...]]) -> Iterator[State]:
    for site, neuron in model.site_neurons():
        place = model.graph.where[site.node]
        for name, value in zip(neuron.states, first[site.name], strict=True):
            slot = slot_of(f"{site.name}.{name}", value, place if value.dim() else None)
            yield slot, seed_of(slot, value)
    flow = trace_flow(model.graph, model.plan)
    for node in flow.nodes_of(*CUMULATIVE):
        yield from _sums(node, cast("Cumulative", model.cumulative[node.name]), flow.streams_read(node))
    for node in flow.streams_read_out():
        value = cast("StreamValue", model.means[node.name])
        kept = [name for name, keeps in (("reached", value.sums), ("total", value.divides)) if keeps]
        for index, (leaf, place) in enumerate(zip(pytree.tree_leaves(value.total), _places(value.place), strict=True)):
            if isinstance(leaf, Tensor) and place is not None and is_summable(leaf):
                yield from (_sum(slot_of(leaf_name(node, name, index), leaf, place), -0.0) for name in kept)


def _frames_before(model: SpikingModel, shown: Inputs) -> Iterator[State]:
    """Yield the frames that were shown last, against which changes are taken; whole numbers do not change, they are."""
    if model.plan.temporal and model.coding.sends_changes:
        for node, frame in zip(model.graph.inputs, shown, strict=True):
            if is_summable(frame):
                yield _sum(slot_of(leaf_name(node, "shown", 0), frame, model.graph.where[node.name]), 0.0)


def _sums(node: fx.Node, cumulative: Cumulative, streams: Sequence[fx.Node]) -> Iterator[State]:
    """Yield the sums of what an operator reads, and what its result was at the last timestep."""
    for name, total, place in zip(sum_names(node, streams), cumulative.sums or (), cumulative.inputs, strict=True):
        if is_summable(total):
            yield _sum(slot_of(name, total, place), -0.0)
    for index, leaf in enumerate(pytree.tree_leaves(cumulative.previous)):
        if isinstance(leaf, Tensor) and is_summable(leaf):
            place = _places(cumulative.output)[index]
            yield _sum(slot_of(leaf_name(node, "previous", index), leaf, place), 0.0)


def _places(where: Any) -> list[Any]:
    return pytree.tree_leaves(where, is_leaf=lambda place: place is None or not isinstance(place, tuple | list | dict))


def _sum(slot: Slot, start: float) -> State:
    """Return a sum with what it begins with: -0, to which every number adds up to itself, also -0."""
    return slot, torch.full([1] * (len(slot.shape) + 2), start, dtype=slot.dtype)


def _clock() -> State:
    return Slot("elapsed", torch.int64, ()), torch.zeros((), dtype=torch.int64)


def _output_names(output: Any) -> Iterator[str]:
    paths, _ = pytree.tree_flatten_with_path(output)
    tensors = [path for path, leaf in paths if isinstance(leaf, Tensor)]
    if len(tensors) != len(tensors_of(output)) or not tensors:
        raise SnnfwError("the network returns no tensor: there is nothing to export.")
    for path in tensors:
        yield "output" + "".join(
            f".{getattr(key, 'key', getattr(key, 'idx', getattr(key, 'name', key)))}" for key in path
        )
