"""Unroll recurrent layers: one cell for each layer, direction and position, each function of it a site."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import fx

from snnfw.capture.cells import Cell, Place, State, Weights, gru, lstm, simple
from snnfw.capture.refusals import PACKED
from snnfw.capture.sites import aten, overload_packet
from snnfw.capture.unfuse import Call, caller
from snnfw.errors import SnnfwError

CELLS: Mapping[Any, Cell] = {
    aten.lstm_cell.default: lstm,
    aten.gru_cell.default: gru,
    aten.rnn_tanh_cell.default: simple(aten.tanh.default),
    aten.rnn_relu_cell.default: simple(aten.relu.default),
}
"""Operators that are one cell."""

LAYERS: Mapping[Any, Cell] = {
    aten.lstm.input: lstm,
    aten.gru.input: gru,
    aten.rnn_tanh.input: simple(aten.tanh.default),
    aten.rnn_relu.input: simple(aten.relu.default),
}
"""Operators that run a cell over all positions, in all layers and directions."""

PACKED_LAYERS = frozenset((aten.lstm.data, aten.gru.data, aten.rnn_tanh.data, aten.rnn_relu.data))
"""The same on packed sequences."""

RECURRENT = frozenset((*CELLS, *LAYERS, *PACKED_LAYERS))

ZEROS = (aten.zeros, aten.new_zeros, aten.zeros_like)
"""What makes an initial state that is nothing but zeros."""


def unroll(module: fx.GraphModule, trainable: bool = False) -> None:
    """Rewrite a graph in place; ``trainable`` keeps the dropouts between layers.

    A cell stands at the path of its layer, which is called as torch calls its weights (``lstm.l0``,
    ``lstm.l0_reverse``), and each of its functions at a path of its own (``lstm.l0.input_gate``), so that the calls of
    one gate at all positions are one site's calls ``#2``, ``#3`` ..., in the order in which they are computed.

    Raises:
        SnnfwError: a recurrent layer reads a packed sequence.

    """
    nodes = [node for node in module.graph.nodes if node.target in RECURRENT]
    for node in nodes:
        if node.target in CELLS:
            results: Sequence[fx.Node] = _unroll_cell(node)
        elif node.target in LAYERS and not isinstance(_length(node), torch.SymInt):
            results = _unroll_layers(node, trainable)
        elif node.target in PACKED_LAYERS:
            raise SnnfwError(PACKED)
        else:
            continue
        _replace(node, results)
    if nodes:
        module.graph.eliminate_dead_code()
        module.recompile()


def _replace(node: fx.Node, results: Sequence[fx.Node]) -> None:
    """Let what reads an operator's results read others instead."""
    for user in list(node.users):
        if user.target is operator.getitem:
            user.replace_all_uses_with(results[user.args[1]])  # type: ignore[index]  # a number, as getitem has it
            node.graph.erase_node(user)
    if node.users:  # of a single result
        node.replace_all_uses_with(results[0])
    node.graph.erase_node(node)


def _unroll_cell(node: fx.Node) -> Sequence[fx.Node]:
    arguments: tuple[Any, ...] = (*node.args, *node.kwargs.values())
    read, given, *weights = arguments
    owned = Weights(*weights)
    state = tuple(map(_unless_zero, given if isinstance(given, list | tuple) else [given]))
    with node.graph.inserting_before(node):
        at = _place(node)
        drive = at.layer(read, owned.input, owned.input_bias)
        after = CELLS[node.target](drive, state, owned, at)
    return [each for each in after if each is not None]


@dataclass(frozen=True, slots=True)
class _Layers:
    """A recurrent operator's arguments by name."""

    read: fx.Node
    states: tuple[fx.Node | None, ...]
    parameters: tuple[fx.Node, ...]
    biased: bool
    count: int
    dropout: float
    bidirectional: bool
    batch_first: bool

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def time(self) -> int:
        """Return the dimension of the positions."""
        return 1 if self.batch_first else 0

    def weights(self, index: int) -> Weights:
        """Return the parameters of one layer in one direction, which torch lists one after the other."""
        each = len(self.parameters) // (self.count * self.directions)
        own: list[fx.Node | None] = list(self.parameters[index * each : (index + 1) * each])
        if not self.biased:
            own[2:2] = (None, None)
        return Weights(*own)  # type: ignore[arg-type]  # only biases are None

    def state(self, index: int, call: Call) -> State:
        """Return the state that one layer starts with in one direction."""
        return tuple(None if each is None else call(aten.select.int, each, 0, index) for each in self.states)


def _layers(node: fx.Node) -> _Layers:
    arguments: tuple[Any, ...] = node.args
    read, given, parameters, biased, count, dropout, _, bidirectional, batch_first = arguments
    states = given if isinstance(given, list | tuple) else (given,)
    return _Layers(
        read,
        tuple(map(_unless_zero, states)),
        tuple(parameters),
        bool(biased),
        count,
        dropout,
        bool(bidirectional),
        bool(batch_first),
    )


def _length(node: fx.Node) -> Any:
    layers = _layers(node)
    return layers.read.meta["val"].shape[layers.time]


def _unroll_layers(node: fx.Node, trainable: bool) -> Sequence[fx.Node]:
    """Return the outputs of the last layer at all positions, and the last states of all."""
    layers, length, read = _layers(node), _length(node), _layers(node).read
    ends: list[State] = []
    with node.graph.inserting_before(node):
        call = caller(node)
        for layer in range(layers.count):
            ways = []
            for way in range(layers.directions):
                index, name = layer * layers.directions + way, f"l{layer}" + "_reverse" * way
                at = _place(node, name)
                order = range(length)[:: -1 if way else 1]
                outputs, end = _run(LAYERS[node.target], layers, index, read, order, at)
                ways.append(at.call(aten.stack.default, outputs, layers.time))
                ends.append(end)
            read = call(aten.cat.default, ways, -1) if layers.bidirectional else ways[0]
            if trainable and layers.dropout and layer + 1 < layers.count:
                read = call(aten.dropout.default, read, layers.dropout, False)
        return [read, *(call(aten.stack.default, list(parts), 0) for parts in zip(*ends, strict=True))]


def _run(
    cell: Cell, layers: _Layers, index: int, read: fx.Node, order: Sequence[int], at: Place
) -> tuple[list[fx.Node], State]:
    """Return a layer's hidden states at all positions, in their order, and its last state."""
    weights, state = layers.weights(index), layers.state(index, at.call)
    drive = at.layer(read, weights.input, weights.input_bias)
    hidden: dict[int, Any] = {}
    for position in order:
        here = at.call(aten.select.int, drive, layers.time, position)
        state = cell(here, state, weights, at)
        hidden[position] = state[0]
    return [hidden[position] for position in sorted(hidden)], state


def _place(node: fx.Node, *inside: str) -> Place:
    return Place(caller(node, *inside), partial(caller, node, *inside))


def _unless_zero(state: Any) -> fx.Node | None:
    """Return a state unless it is made of zeros alone, whose products need not be computed."""
    return None if overload_packet(state) in ZEROS else state
