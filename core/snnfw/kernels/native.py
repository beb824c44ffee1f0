"""Run a neuron's body on the CPU, compiled with OpenMP for this machine."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snnfw.kernels.arguments import forward_arguments
from snnfw.kernels.body import KernelBody
from snnfw.kernels.compiler import load_library
from snnfw.kernels.layout import FlatParameter
from snnfw.kernels.source import c_source

NAMES = {torch.float32: "float32", torch.float64: "float64", torch.float16: "float16", torch.bfloat16: "bfloat16"}

GRAIN = 32768
"""Elements and timesteps that one thread does sooner than it wakes another."""


@functools.cache
def compile_function(body: KernelBody, dtype: str, scalars: frozenset[str]) -> Any:
    """Return the C function of a body for tensors of one type, compiled on first use."""
    function = load_library(c_source(body, dtype, scalars)).run
    pointer, long = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [pointer, long, pointer, long, long, long, ctypes.c_int, ctypes.c_double, pointer]
    function.argtypes += [pointer] * len(body.states) + [pointer, long, long] * len(body.parameters)
    function.restype = None
    return function


def scalars(body: KernelBody, parameters: Sequence[FlatParameter]) -> frozenset[str]:
    """Return the names of the parameters that are one number, for which code is compiled that reads them once."""
    pairs = zip(body.parameters, parameters, strict=True)
    return frozenset(name for name, flat in pairs if flat.values.numel() == 1)


def thread_count(elements: int) -> int:
    """Return how many threads are worth waking for so many elements and timesteps; torch shares work out alike."""
    return max(1, min(torch.get_num_threads(), elements // GRAIN))


def launch(
    body: KernelBody,
    drive: Tensor,
    output: Tensor,
    states: Sequence[Tensor],
    parameters: Sequence[FlatParameter],
    clock: float,
    events: Tensor | None,
) -> None:
    """Run all timesteps of ``drive`` into ``output`` [T, *shape], changing states and events in place.

    Every timestep, every state and ``events`` share one dense memory layout.
    """
    function = compile_function(body, NAMES[drive.dtype], scalars(body, parameters))
    function(*forward_arguments(drive, output, states, parameters, clock, events, thread_count(drive.numel())))
