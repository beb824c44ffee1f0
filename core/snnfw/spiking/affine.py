"""Run an affine operator on changes: what it adds of its own enters at the first timestep alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from snnfw.capture import operators as table
from snnfw.capture.graph import BatchDim, Change, Where, is_summable, map_leaves
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

    ``constants`` are tensors that it reads at the ``places`` of its arguments that are added; ``numbers`` says that
    there are such among its arguments; ``whole`` that all of it is a constant, as of ``zeros_like``; ``bias`` is a
    product's bias, where that is all there is.
    """

    constants: frozenset[fx.Node] = frozenset()
    places: frozenset[int | str] = frozenset()
    numbers: bool = False
    whole: bool = False
    bias: fx.Node | None = None

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self.constants) or self.numbers or self.whole


def find_all_added(flow: Flow, coding: Coding) -> dict[fx.Node, Added]:
    """Return the operators of kind linear that add something of their own, in a coding in which that enters once."""
    if not coding.sends_changes:
        return {}
    varying = {node for node in flow.graph.nodes if flow.varies(node)}
    found = {node: find_added(node, varying, flow.graph.where) for node in flow.nodes_of(Kind.LINEAR)}
    return {node: added for node, added in found.items() if added}


def find_added(node: fx.Node, varying: Set[fx.Node], where: Mapping[str, Where]) -> Added:
    """Return what an operator of kind linear adds to a linear function of the streams that it reads."""
    operator, value = overload_packet(node), node.meta.get("val")
    if isinstance(value, Tensor) and not is_summable(value):
        return Added()  # choices, which are those of the moment
    if operator in table.SHAPES_ONLY:
        return Added(whole=True)
    places = _added_places(node, varying)
    constants = frozenset(
        read
        for place in places
        for read in table.nodes_in(_argument(node, place))
        if read not in varying and _is_summable(read)
    )
    alone = next(iter(constants), None)
    bias = alone if operator in table.BIAS and places == {table.BIAS[operator]} else None
    return Added(constants, places, table.adds_constant(node), bias=bias if bias and where[bias.name] is None else None)


def _added_places(node: fx.Node, varying: Set[fx.Node]) -> frozenset[int | str]:
    """Return the arguments without which an operator has nothing of its own to add."""
    operator = overload_packet(node)
    every: set[int | str] = {*range(len(node.args)), *node.kwargs}
    if operator in table.SUMS:
        return frozenset(every)
    if operator in table.MOVES:
        return frozenset(every - {table.READ_FOR_SHAPE.get(operator, -1)})
    if operator in table.INDEXING:
        return frozenset(every - set(table.CHOOSING[operator]))
    if operator is aten.batch_norm:
        return frozenset({2, 3})  # bias and mean
    if operator not in table.BIAS:
        return frozenset()
    place = table.BIAS[operator]
    read = table.nodes_in(_argument(node, place))
    return frozenset({place + 1 if read and read[0] in varying else place})  # a factor, where the bias is the stream


def _argument(node: fx.Node, place: int | str) -> Any:
    if isinstance(place, str):
        return node.kwargs[place]
    return node.args[place] if place < len(node.args) else None


def _is_summable(node: fx.Node) -> bool:
    value = node.meta.get("val")
    if value is None:
        return node.op == "get_attr"  # of which nobody said what it holds
    return isinstance(value, Tensor) and is_summable(value)


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
    node: fx.Node, added: Added, chunk: Chunk, value_of: ValueOf, run: Run, streams: Iterable[fx.Node]
) -> Any:
    """Return the operator's result on changes: A x(t), and A x(1) + c where the first timestep is among them."""
    if chunk.steps == 1 and not chunk.begun:
        return run(value_of, None)
    place = chunk.where[node.name]
    if chunk.begun:
        return _run_without(added, run, value_of)
    if added.bias is not None:
        result = _run_without(added, run, value_of)
        _add_bias(node, unfold(result, place, chunk.steps)[0], value_of(added.bias))
        return result
    if not added.numbers and not added.whole and all(chunk.where[each.name] is not None for each in added.constants):
        return run(value_of, partial(_replace, added, partial(_first_alone, chunk)))
    values = {read: value_of(read) for read in streams}
    first, rest = (_part(values, chunk, start, end) for start, end in ((0, 1), (1, chunk.steps)))
    begun = run(chunk.look_up(first, 1), None)
    others = _run_without(added, run, chunk.look_up(rest, chunk.steps - 1))
    return map_leaves(lambda where, one, other: _join(where, one, other, chunk.steps), place, begun, others)


def run_where_first(added: Added, first: Tensor, value_of: ValueOf, run: Run) -> Any:
    """Return the operator's result on one timestep's changes, A x + c where ``first`` holds and A x where it does not.

    ``first`` is a boolean that may be known only when what is traced here runs: nothing is decided by it. A constant is
    chosen rather than multiplied, since 0 · inf is no number.
    """
    if not added.numbers and not added.whole:
        return run(value_of, partial(_replace, added, lambda _, value: _where_first(first, value)))
    begun, other = run(value_of, None), _run_without(added, run, value_of)
    return pytree.tree_map(
        lambda one, two: torch.where(first, one, two) if isinstance(one, Tensor) else one, begun, other
    )


def _where_first(first: Tensor, value: Tensor) -> Tensor:
    return torch.where(first, value, torch.zeros_like(value))


def _run_without(added: Added, run: Run, value_of: ValueOf) -> Any:
    """Return the operator's result without what it adds: A x of A x + c."""
    result = run(value_of, partial(_replace, added, lambda _, value: torch.zeros_like(value)))
    return torch.zeros_like(result) if added.whole else result


def _replace(
    added: Added, other: Callable[[fx.Node, Tensor], Tensor], node: fx.Node, args: Any, kwargs: Any
) -> tuple[Any, Any]:
    """Return an operator's arguments with others for the constants that it adds, and zero for the numbers."""
    places = table.ADDED_NUMBERS.get(overload_packet(node), ()) if added.numbers else ()

    def at(place: int | str, value: Any) -> Any:
        if table.is_number(value):
            return 0 if place in places or (places and place == "value") else value
        return _replace_each(_argument(node, place), value, added.constants, other) if place in added.places else value

    return tuple(at(place, value) for place, value in enumerate(args)), {
        name: at(name, v) for name, v in kwargs.items()
    }


def _replace_each(read: Any, value: Any, constants: Set[fx.Node], other: Callable[[fx.Node, Tensor], Tensor]) -> Any:
    if isinstance(read, list | tuple):
        return [_replace_each(each, part, constants, other) for each, part in zip(read, value, strict=True)]
    return other(read, value) if read in constants else value


def _first_alone(chunk: Chunk, read: fx.Node, value: Tensor) -> Tensor:
    """Return a constant over time as its first timestep and zeros."""
    place = chunk.where[read.name]
    sequence = unfold(value, place, chunk.steps)
    return fold(torch.cat([sequence[:1], torch.zeros_like(sequence[1:])]), place)


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


def _add_bias(node: fx.Node, first: Tensor, bias: Tensor) -> None:
    """Add a product's bias to a view of the first timestep of its result."""
    places = first.dim() - 2 if "conv" in overload_packet(node).__name__ else 0
    first += bias.view(*bias.shape, *[1] * places)
