"""Run a neuron's body on a GPU as a CuPy RawKernel, on torch's current stream."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snnfw.kernels.body import KernelBody
from snnfw.kernels.compiler import CompilerMissing, first_error
from snnfw.kernels.layout import Flat
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
    parameters: Sequence[Flat],
    clock: float,
    events: Tensor | None,
) -> None:
    """Run all timesteps of ``drive`` into ``output`` [T, *shape], changing states and events in place."""
    arguments = longs(drive.data_ptr(), drive.stride(0), output.data_ptr(), output.stride(0))
    arguments += [*longs(len(drive), drive[0].numel()), double(clock)]
    arguments += longs(events.data_ptr() if events is not None else 0, *(state.data_ptr() for state in states))
    for flat in parameters:
        arguments += longs(flat.values.data_ptr(), flat.inner, flat.values.numel())
    submit(cuda_source(body, NAMES[drive.dtype]), drive, arguments)


def submit(source: str, drive: Tensor, arguments: list[Any]) -> None:
    """Queue a kernel with one thread for each element of a timestep on torch's current stream of the tensor's device.

    Torch's current device stays what it was, which CuPy would otherwise change.
    """
    import cupy

    index = drive.device.index or 0
    with torch.cuda.device(index), cupy.cuda.Device(index):
        kernel = compiled(source, index)
        with cupy.cuda.ExternalStream(torch.cuda.current_stream(index).cuda_stream, index):
            kernel(((drive[0].numel() + THREADS - 1) // THREADS,), (THREADS,), tuple(arguments))


@functools.cache
def compiled(source: str, device: int) -> Any:
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


def longs(*values: int) -> list[Any]:
    """Return whole numbers and addresses as a kernel takes them."""
    import numpy as np

    return [np.int64(value) for value in values]


def double(value: float) -> Any:
    """Return a number as a kernel takes it."""
    import numpy as np

    return np.float64(value)
