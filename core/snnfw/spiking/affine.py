"""Run an affine operator on changes: what it adds of its own enters at the first timestep alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from snnfw.capture import operators as table
from snnfw.capture.graph import BatchDim, Change, Where, map_leaves
from snnfw.capture.sites import aten, overload_packet
from snnfw.neurons.timefold import fold, unfold
from snnfw.planning.kinds import Kind
from snnfw.spiking.coding import Coding
from snnfw.spiking.reading import Flow

ValueOf = Callable[[fx.Node], Any]

Run = Callable[[ValueOf, Change | None], Any]
"""Computes the operator from the values of what it reads, with its arguments changed."""


@dataclass(frozen=True, slots=True)
class Added:
    """What an affine operator A x + c makes c of.

    ``nodes`` are the constants that it reads, without which c is zero; ``numbers`` says that there are such among its
    arguments; ``whole`` that all of it is a constant, as of ``zeros_like``; ``bias`` is the node of a bias, where that
    is all there is.
    """

    nodes: frozenset[fx.Node] = frozenset()
    numbers: bool = False
    whole: bool = False
    bias: fx.Node | None = None

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self.nodes) or self.numbers or self.whole


def find_all_added(flow: Flow, coding: Coding) -> dict[fx.Node, Added]:
    """Return what the operators of kind linear add of their own, in a coding in which that enters once."""
    if not coding.sends_changes:
        return {}
    varying = {node for node in flow.graph.nodes if flow.varies(node)}
    return {node: find_added(node, varying) for node in flow.nodes_of(Kind.LINEAR)}


def find_added(node: fx.Node, varying: Set[fx.Node]) -> Added:
    """Return what an operator of kind linear adds to a linear function of the streams that it reads."""
    operator, value = overload_packet(node), node.meta.get("val")
    if isinstance(value, Tensor) and not (value.is_floating_point() or value.is_complex()):
        return Added()  # choices, which are those of the moment
    if operator in table.SHAPES_ONLY:
        return Added(whole=True)
    if operator in table.PRODUCTS:
        return _of_product(node, varying)
    if operator in table.SUMS:
        read = table.operands(node)
    elif operator in table.MOVES:
        read = table.moved_values(node)
    elif operator in table.INDEXING:
        choosing = table.index_operands(node)
        read = [each for each in node.all_input_nodes if each not in choosing]
    elif operator is aten.batch_norm:
        read = table.nodes_in(list(node.args[2:4]))  # bias and mean
    else:
        return Added()
    constants = frozenset(each for each in read if each not in varying and _is_summable(each))
    return Added(constants, table.adds_constant(node))


def _of_product(node: fx.Node, varying: Set[fx.Node]) -> Added:
    place = table.BIAS.get(overload_packet(node))
    bias = node.args[place] if place is not None and place < len(node.args) else None
    if not isinstance(bias, fx.Node):
        return Added()
    if bias not in varying:
        return Added(frozenset([bias]), bias=bias)
    return Added(frozenset(each for each in table.operands(node) if each is not bias and each not in varying))


def _is_summable(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())


@dataclass(frozen=True, slots=True)
class Chunk:
    """The timesteps that an operator is run for: how many, whether others went before, and where samples are.

    ``look_up`` returns the look-up of values for so many timesteps, given those of streams.
    """

    steps: int
    begun: bool
    where: Mapping[str, Where]
    look_up: Callable[[dict[fx.Node, Any], int], ValueOf]


def run_on_changes(
    node: fx.Node, added: Added, chunk: Chunk, value_of: ValueOf, run: Run, streams: list[fx.Node]
) -> Any:
    """Return the operator's result on changes: A x(t), and A x(1) + c where the first timestep is among them."""
    if not added or (chunk.steps == 1 and not chunk.begun):
        return run(value_of, None)
    place = chunk.where[node.name]
    if chunk.begun:
        return _run_without(added, run, value_of)
    if added.bias is not None:
        result = _run_without(added, run, value_of)
        _add_bias(node, unfold(result, place, chunk.steps)[0], value_of(added.bias))
        return result
    if not added.numbers and not added.whole and all(chunk.where[each.name] is not None for each in added.nodes):
        return run(lambda read: _first_alone(value_of(read), read, added, chunk), None)
    values = {read: value_of(read) for read in streams}
    first, rest = (_part(values, chunk, start, end) for start, end in ((0, 1), (1, chunk.steps)))
    begun = run(chunk.look_up(first, 1), None)
    others = _run_without(added, run, chunk.look_up(rest, chunk.steps - 1))
    return map_leaves(lambda where, one, other: _join(where, one, other, chunk.steps), place, begun, others)


def _run_without(added: Added, run: Run, value_of: ValueOf) -> Any:
    """Return the operator's result without what it adds: A x of A x + c."""
    result = run(lambda read: _zeros_like(value_of(read)) if read in added.nodes else value_of(read), without_numbers)
    return torch.zeros_like(result) if added.whole else result


def _first_alone(value: Any, read: fx.Node, added: Added, chunk: Chunk) -> Any:
    """Return what an operator reads, of what it adds the first timestep and zeros."""
    if read not in added.nodes:
        return value
    place = chunk.where[read.name]
    sequence = unfold(value, place, chunk.steps)
    return fold(torch.cat([sequence[:1], _zeros_like(sequence[1:])]), place)


def _part(values: Mapping[fx.Node, Any], chunk: Chunk, start: int, end: int) -> dict[fx.Node, Any]:
    """Return some of the timesteps of streams."""

    def cut(place: BatchDim | None, leaf: Any) -> Any:
        return leaf if place is None else fold(unfold(leaf, place, chunk.steps)[start:end], place)

    return {node: map_leaves(cut, chunk.where[node.name], value) for node, value in values.items()}


def _join(place: BatchDim | None, first: Any, rest: Any, steps: int) -> Any:
    """Return a stream from its first timestep and the others."""
    if place is None or not isinstance(first, Tensor):
        return first
    return fold(torch.cat([unfold(first, place, 1), unfold(rest, place, steps - 1)]), place)


def _zeros_like(value: Tensor) -> Tensor:
    """Return zeros of a tensor's shape and kind, in the memory of a single one."""
    return value.new_zeros(()).expand(value.shape)


def without_numbers(node: fx.Node, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """Return an operator's arguments with zero for the numbers that it adds, pads or fills in."""
    places = table.ADDED_NUMBERS.get(overload_packet(node), ())
    kept = [0 if place in places and table.is_number(value) else value for place, value in enumerate(args)]
    named = {
        name: 0 if places and name == "value" and table.is_number(value) else value for name, value in kwargs.items()
    }
    return tuple(kept), named


def _add_bias(node: fx.Node, result: Tensor, bias: Tensor, first: Tensor) -> None:
    """Add a product's bias to ``first``, a view of the first timestep of its result."""
    places = result.dim() - 2 if "conv" in overload_packet(node).__name__ else 0
    first += bias.view(*bias.shape, *[1] * places)
