"""The cells of recurrent layers as the functions, sums and products that they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import fx

from snnfw.capture.sites import aten
from snnfw.capture.unfuse import Call

State = tuple[fx.Node | None, ...]
"""The hidden state h, and for an LSTM the cell state c behind it; None stands for zeros."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The parameters of one layer in one direction; ``projection`` is what ``proj_size`` adds."""

    input: fx.Node
    hidden: fx.Node
    input_bias: fx.Node | None = None
    hidden_bias: fx.Node | None = None
    projection: fx.Node | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell stands: what inserts its operators, and what inserts a function under a name of its own."""

    call: Call
    named: Callable[[str], Call]

    def layer(self, read: fx.Node, weight: fx.Node, bias: fx.Node | None = None) -> fx.Node:
        """Return W x, plus a bias where there is one."""
        return self.call(aten.linear.default, read, weight, *(() if bias is None else (bias,)))

    def sigmoid(self, name: str, drive: fx.Node) -> fx.Node:
        """Return a gate, which is a site of that name."""
        return self.named(name)(aten.sigmoid.default, drive)

    def tanh(self, name: str, drive: fx.Node) -> fx.Node:
        """Return a squashed value, which is a site of that name."""
        return self.named(name)(aten.tanh.default, drive)


Cell = Callable[[fx.Node, State, Weights, Place], State]
"""From W x + b of one position, and the state before it, to the state after it."""


def lstm(drive: fx.Node, state: State, weights: Weights, at: Place) -> State:
    """Return c' = f c + i g and h' = o tanh(c'), with the gates i, f, g and o in torch's order."""
    hidden, cell = state
    i, f, g, o = _parts(_plus(drive, _from_hidden(hidden, weights, at), at), 4, at)
    kept = None if cell is None else at.call(aten.mul.Tensor, at.sigmoid("forget_gate", f), cell)
    new = at.call(aten.mul.Tensor, at.sigmoid("input_gate", i), at.tanh("cell_gate", g))
    cell = _plus(new, kept, at)
    hidden = at.call(aten.mul.Tensor, at.sigmoid("output_gate", o), at.tanh("cell_state", cell))
    if weights.projection is not None:
        hidden = at.layer(hidden, weights.projection)
    return hidden, cell


def gru(drive: fx.Node, state: State, weights: Weights, at: Place) -> State:
    """Return h' = n + z (h - n), where n = tanh(x_n + r h_n), with the gates r, z and n in torch's order."""
    (hidden,) = state
    from_hidden = _from_hidden(hidden, weights, at)
    r, z, n = _parts(drive, 3, at)
    if from_hidden is None:
        new = at.tanh("new_gate", n)
        update = at.sigmoid("update_gate", z)
    else:
        hidden_r, hidden_z, hidden_n = _parts(from_hidden, 3, at)
        reset = at.sigmoid("reset_gate", _plus(r, hidden_r, at))
        update = at.sigmoid("update_gate", _plus(z, hidden_z, at))
        new = at.tanh("new_gate", _plus(n, at.call(aten.mul.Tensor, reset, hidden_n), at))
    if hidden is None:
        return (at.call(aten.sub.Tensor, new, at.call(aten.mul.Tensor, update, new)),)
    change = at.call(aten.sub.Tensor, hidden, new)
    return (at.call(aten.add.Tensor, new, at.call(aten.mul.Tensor, update, change)),)


def simple(function: Any) -> Cell:
    """Return the cell h' = f(W x + b + U h + b'), whose site is called ``hidden_state``."""

    def cell(drive: fx.Node, state: State, weights: Weights, at: Place) -> State:
        (hidden,) = state
        return (at.named("hidden_state")(function, _plus(drive, _from_hidden(hidden, weights, at), at)),)

    return cell


def _from_hidden(hidden: fx.Node | None, weights: Weights, at: Place) -> fx.Node | None:
    """Return U h + b', of which the bias is left where h is zero."""
    if hidden is None:
        return weights.hidden_bias
    return at.layer(hidden, weights.hidden, weights.hidden_bias)


def _plus(one: fx.Node, other: fx.Node | None, at: Place) -> fx.Node:
    return one if other is None else at.call(aten.add.Tensor, one, other)


def _parts(value: fx.Node, count: int, at: Place) -> list[fx.Node]:
    """Return the equal parts of a value's features."""
    size = value.meta["val"].shape[-1] // count
    return [at.call(aten.slice.Tensor, value, -1, k * size, (k + 1) * size) for k in range(count)]
