"""Operators that are not linear, made exact over time by what they do to the sum or the mean of their input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from spikingjelly.activation_based.base import MemoryModule
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from snnfw.capture.graph import BatchDim, Where, is_summable, map_leaves
from snnfw.kernels.multistep import sequence_like
from snnfw.neurons.timefold import fold, select, select_leaves, unfold
from snnfw.planning.kinds import Kind
from snnfw.spiking.coding import Coding
from snnfw.spiking.precision import accumulator
from snnfw.spiking.reading import Flow


class Cumulative(MemoryModule):  # type: ignore[misc]  # SpikingJelly carries no type information
    """An operator f on streams x(t), run so that its cumulative output is exact at every timestep.

    With S(t) = x(1) + ... + x(t):

    - ``mean=False``: out(t) = f(S(t)) - f(S(t - 1)), in rate coding for a maximum f, which commutes with positive
      scaling, in delta coding for any f;
    - ``mean=True``: out(t) = t · f(S(t) / t) - (t - 1) · f(S(t - 1) / (t - 1)), for any f in rate coding.

    Either way out(1) + ... + out(t) is f of the summed input, or t times f of the mean input. On constant non-negative
    spikes a max pooling of the first kind is the lateral-inhibition pooling of Li & Zeng (2022), for any window.

    Integers and booleans are choices (the largest elements, a mask): as an input they are taken as they are at t, as
    an output they are those of f at t, since neither adds up.
    """

    sums: list[Tensor] | None
    previous: Any
    elapsed: int

    def __init__(self, mean: bool, inputs: Sequence[BatchDim], output: Where) -> None:
        super().__init__()
        self.mean, self.inputs, self.output = mean, tuple(inputs), output
        self.register_memory("sums", None)
        self.register_memory("previous", None)
        self.register_memory("elapsed", 0)

    def forward(self, function: Callable[..., Any], steps: int, *streams: Tensor) -> Any:
        """Run ``function`` on streams with T · N samples each; return its outputs with T · N samples."""
        before: Sequence[Tensor | None] = self.sums or [None] * len(streams)
        sums = [
            _running_sum(unfold(stream, place, steps), start)
            for stream, place, start in zip(streams, self.inputs, before, strict=True)
        ]
        times = torch.arange(self.elapsed + 1, self.elapsed + steps + 1, device=sums[0].device)
        means = [
            fold(self._scaled(total, times, 1).to(stream.dtype), place)
            for stream, total, place in zip(streams, sums, self.inputs, strict=True)
        ]
        given = function(*means)
        dtypes = map_leaves(lambda _, leaf: getattr(leaf, "dtype", None), self.output, given)
        reached = map_leaves(lambda place, leaf: self._reached(place, leaf, times, steps), self.output, given)
        del given  # which is large
        if self.previous is None:
            self.previous = pytree.tree_map(lambda leaf: None if leaf is None else torch.zeros_like(leaf[0]), reached)
        outputs = map_leaves(_differences, self.output, reached, self.previous, dtypes)
        self.sums = [total[-1].clone() for total in sums]
        self.previous = pytree.tree_map(lambda leaf: None if leaf is None else leaf[-1].clone(), reached)
        self.elapsed += steps
        return outputs

    def keep(self, samples: Tensor) -> None:
        """Go on with the samples of these indices alone."""
        if self.sums is not None:
            self.sums = [select(s, place, samples) for s, place in zip(self.sums, self.inputs, strict=True)]
        if self.previous is not None:
            self.previous = map_leaves(
                lambda place, leaf: None if leaf is None else select(leaf, place, samples),
                self.output,
                self.previous,
            )

    def _scaled(self, sequence: Tensor, times: Tensor, sign: int) -> Tensor:
        """Divide (sign 1) or multiply (sign -1) every timestep by t, where the mean is what counts."""
        if not self.mean or not is_summable(sequence):
            return sequence
        factor = times.to(sequence.dtype).view(-1, *[1] * (sequence.dim() - 1))
        return sequence / factor if sign > 0 else sequence * factor

    def _reached(self, place: BatchDim | None, leaf: Any, times: Tensor, steps: int) -> Tensor | None:
        """Return the cumulative output [T, *shape], choices as they are at each timestep."""
        if place is None or not isinstance(leaf, Tensor):
            return None
        return self._scaled(unfold(leaf, place, steps).to(accumulator(leaf.dtype)), times, -1)


def _running_sum(sequence: Tensor, before: Tensor | None) -> Tensor:
    """Return x(1) + ... + x(t) at every t of [T, *shape], going on from ``before``; choices as they are.

    Summed one timestep after the other, so that chunks add up to the same bits as a whole run.
    """
    if not is_summable(sequence):
        return sequence
    wide = accumulator(sequence.dtype)
    if torch.is_grad_enabled():
        return sequence.cumsum(0, dtype=wide) + (0 if before is None else before)
    sums = sequence_like(sequence[0].to(wide), len(sequence))
    for t in range(len(sequence)):
        if before is None:
            sums[t] = sequence[t]
        else:
            torch.add(before, sequence[t], out=sums[t])
        before = sums[t]
    return sums


def _differences(
    place: BatchDim | None, reached: Tensor | None, previous: Tensor | None, dtype: torch.dtype
) -> Tensor | None:
    """Return what each timestep adds, in the type that the operator gives."""
    if place is None or reached is None or previous is None:
        return None
    if not is_summable(reached):
        return fold(reached, place)
    if torch.is_grad_enabled():
        return fold(torch.diff(reached, dim=0, prepend=previous.unsqueeze(0)).to(dtype), place)
    steps = torch.empty_like(reached)
    torch.sub(reached[0], previous, out=steps[0])
    torch.sub(reached[1:], reached[:-1], out=steps[1:])
    return fold(steps.to(dtype), place)


def make_cumulative(flow: Flow, node: fx.Node, coding: Coding) -> Cumulative:
    """Return what runs an operator that takes a maximum, or any function, over the streams that it reads."""
    where = flow.graph.where
    return Cumulative(
        coding.averages(flow.kinds[node] is Kind.ANALOG),
        [where[read.name] for read in flow.streams_read(node)],
        where[node.name],
    )


def make_value(flow: Flow, node: fx.Node, coding: Coding) -> StreamValue:
    """Return what keeps the value of a stream that is read out."""
    return StreamValue(flow.graph.where[node.name], coding, flow.temporal)


class StreamValue(MemoryModule):  # type: ignore[misc]  # SpikingJelly carries no type information
    """What a stream stands for, for what is read out, and if asked for its value at each of the latest timesteps.

    In rate coding that is the mean over time, in delta coding the sum X(t), or, of frames, the mean over time of X(t).
    Of choices, which neither add up nor have a mean, it is the last one.
    """

    total: Any
    reached: Any
    dtypes: Any
    latest: Any
    elapsed: int

    def __init__(self, place: Where, coding: Coding, temporal: bool) -> None:
        super().__init__()
        self.place, self.keeps_latest = place, False
        self.sums = coding.sends_changes
        self.divides = temporal or not self.sums
        self.register_memory("latest", None)
        self.register_memory("reached", None)
        self.register_memory("dtypes", None)
        self.register_memory("total", None)
        self.register_memory("elapsed", 0)

    def add(self, stream: Any, steps: int) -> None:
        """Add T timesteps of a stream (leaf by leaf, where it is a tree)."""
        self.dtypes = map_leaves(lambda _, leaf: getattr(leaf, "dtype", None), self.place, stream)
        if self.sums and (self.divides or self.keeps_latest):
            stream = self._values(stream, steps)
        if self.sums and self.keeps_latest and not self.divides:
            self.total = self.reached
        else:
            before = [] if self.total is None else [self.total]
            self.total = map_leaves(partial(_add_leaf, steps), self.place, stream, *before)
        self.latest = stream if self.keeps_latest else None
        self.elapsed += steps

    def _values(self, stream: Any, steps: int) -> Any:
        """Return the sum so far at each timestep, and go on from the last one."""
        before = [] if self.reached is None else [self.reached]

        def add_up(place: BatchDim | None, leaf: Any, *reached: Any) -> Any:
            if place is None or not isinstance(leaf, Tensor):
                return leaf
            return fold(_running_sum(unfold(leaf, place, steps), *(reached or [None])).to(leaf.dtype), place)

        values = map_leaves(add_up, self.place, stream, *before)
        self.reached = map_leaves(
            lambda place, leaf: leaf if place is None else unfold(leaf, place, steps)[-1].clone(), self.place, values
        )
        return values

    def read(self) -> Any:
        """Return what the stream stands for after the timesteps so far."""
        count = self.elapsed if self.divides else 1
        return map_leaves(
            lambda place, leaf, dtype: (leaf / count).to(dtype) if _has_mean(place, leaf) else leaf,
            self.place,
            self.total,
            self.dtypes,
        )

    def keep(self, samples: Tensor) -> None:
        """Go on with the samples of these indices alone."""
        for name in ("total", "reached"):
            if getattr(self, name) is not None:
                setattr(self, name, select_leaves(getattr(self, name), self.place, samples))


def _add_leaf(steps: int, place: BatchDim | None, leaf: Any, *total: Tensor) -> Any:
    return leaf if place is None else _sum_over_time(unfold(leaf, place, steps), *total)


def _has_mean(place: BatchDim | None, leaf: Any) -> bool:
    return place is not None and isinstance(leaf, Tensor) and is_summable(leaf)


def _sum_over_time(sequence: Tensor, before: Tensor | None = None) -> Tensor:
    """Return ``before`` + x(1) + ... + x(T) of [T, *shape], of choices the last.

    Summed one timestep after the other, so that chunks and memory layouts add up to the same bits.
    """
    if not is_summable(sequence):
        return sequence[-1]
    wide = accumulator(sequence.dtype)
    if torch.is_grad_enabled():
        return sequence.sum(0, dtype=wide) if before is None else before + sequence.sum(0, dtype=wide)
    total = sequence[0].to(wide, copy=True) if before is None else before
    for step in sequence if before is not None else sequence[1:]:
        total = total.add_(step)
    return total
