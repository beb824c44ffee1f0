"""Run a neuron's body on a GPU as a CuPy RawKernel, on torch's current stream."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snnfw.kernels.arguments import Argument, forward_arguments
from snnfw.kernels.body import KernelBody
from snnfw.kernels.compiler import CompilerMissing, first_error
from snnfw.kernels.layout import FlatParameter
from snnfw.kernels.native import NAMES
from snnfw.kernels.source import cuda_source

THREADS = 256

OPTIONS = ("--fmad=false",)
"""A fused multiply-add would round once where the reference rounds twice. CuPy itself adds -ftz=true."""


def launch(
    body: KernelBody,
    drive: Tensor,
    output: Tensor,
    states: Sequence[Tensor],
    parameters: Sequence[FlatParameter],
    clock: float,
    events: Tensor | None,
) -> None:
    """Run all timesteps of ``drive`` into ``output`` [T, *shape], changing states and events in place."""
    arguments = forward_arguments(drive, output, states, parameters, clock, events)
    submit(cuda_source(body, NAMES[drive.dtype]), drive, arguments)


def submit(source: str, drive: Tensor, arguments: Sequence[Argument]) -> None:
    """Queue a kernel with one thread for each element of a timestep on torch's current stream of the tensor's device.

    Torch's current device stays what it was, which CuPy would otherwise change. There are no launches of no threads.
    """
    import cupy

    index, elements = drive.device.index or 0, math.prod(drive.shape[1:])
    if not elements:
        return
    with torch.cuda.device(index), cupy.cuda.Device(index):
        kernel = compile_kernel(source, index)
        with _current_stream(index):
            kernel(((elements + THREADS - 1) // THREADS,), (THREADS,), _pack(arguments))


def _current_stream(device: int) -> Any:
    """Return torch's current stream as CuPy has it; CuPy 14 takes it as a stream, CuPy 13 as an address."""
    import cupy

    stream = torch.cuda.current_stream(device)
    if hasattr(cupy.cuda.Stream, "from_external") and hasattr(stream, "__cuda_stream__"):
        return cupy.cuda.Stream.from_external(stream)
    return cupy.cuda.ExternalStream(stream.cuda_stream, device)


@functools.cache
def compile_kernel(source: str, device: int) -> Any:
    """Return the CUDA kernel of a source; CuPy compiles and caches it for the device."""
    import cupy

    with cupy.cuda.Device(device):
        kernel = cupy.RawKernel(source, "run", options=OPTIONS)
        try:
            kernel.compile()
        except Exception as error:  # NVRTC's, the driver's, or the linker's: CuPy has a class for each
            raise CompilerMissing(
                f"CuPy does not compile a neuron ({first_error(str(error))}): mend it, or choose backend=reference."
            ) from error
    return kernel


def _pack(arguments: Sequence[Argument]) -> tuple[Any, ...]:
    """Return arguments as CuPy hands them to a kernel: in 64 bits, whole numbers or ones in double precision."""
    from numpy import float64, int64

    return tuple(float64(each) if isinstance(each, float) else int64(each or 0) for each in arguments)
