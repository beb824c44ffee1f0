"""Put together what kernels are called with, in the order of their sources, for both targets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from torch import Tensor

from snnfw.kernels.layout import FlatParameter

Argument = int | float | None
"""A whole number or an address, a number in double precision, or the address of nothing."""


def forward_arguments(
    drive: Tensor,
    output: Tensor,
    states: Sequence[Tensor],
    parameters: Sequence[FlatParameter],
    clock: float,
    events: Tensor | None,
    *threads: int,
) -> list[Argument]:
    """Return the arguments of ``c_source``'s function, or without ``threads`` those of ``cuda_source``'s kernel."""
    return [
        *_sequences(drive, output),
        *_counts(drive, threads, clock),
        events.data_ptr() if events is not None else None,
        *(state.data_ptr() for state in states),
        *_parameters(parameters),
    ]


def backward_arguments(
    sequences: Sequence[Tensor],
    states: Sequence[Tensor],
    parameters: Sequence[FlatParameter],
    clock: float,
    *threads: int,
) -> list[Argument]:
    """Return the arguments of ``c_gradient``'s function, or without ``threads`` those of ``cuda_gradient``'s kernel.

    ``sequences`` are the gradient of the output, the input, and the gradient of the input; ``states`` are those before
    the first timestep and the gradients of those after the last, behind the history where there is one.
    """
    return [
        *_sequences(*sequences),
        *_counts(sequences[0], threads, clock),
        *(state.data_ptr() for state in states),
        *_parameters(parameters),
    ]


def _sequences(*sequences: Tensor) -> Iterator[int]:
    """Yield each sequence's address and the elements between its timesteps."""
    for sequence in sequences:
        yield from (sequence.data_ptr(), sequence.stride(0))


def _counts(sequence: Tensor, threads: tuple[int, ...], clock: float) -> Iterator[Argument]:
    yield from (sequence.shape[0], math.prod(sequence.shape[1:]), *threads, float(clock))


def _parameters(parameters: Sequence[FlatParameter]) -> Iterator[int]:
    for flat in parameters:
        yield from (flat.values.data_ptr(), flat.inner, flat.values.numel())
