"""Run a neuron's body on a GPU as a CuPy RawKernel, on torch's current stream."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snnfw.kernels.body import KernelBody
from snnfw.kernels.layout import Flat
from snnfw.kernels.native import NAMES
from snnfw.kernels.source import cuda_source

THREADS = 256


@functools.cache
def compiled(body: KernelBody, dtype: str, device: int) -> Any:
    """Return the CUDA kernel of a body for tensors of one type; CuPy compiles and caches it for the device."""
    import cupy

    with cupy.cuda.Device(device):
        return cupy.RawKernel(cuda_source(body, dtype), "run", options=("--fmad=false",))


def launch(
    body: KernelBody,
    drive: Tensor,
    output: Tensor,
    states: Sequence[Tensor],
    parameters: Sequence[Flat],
    clock: float,
    events: Tensor | None,
) -> None:
    """Run all timesteps of ``drive`` into ``output`` [T, *shape], changing states and events in place.

    The kernel is queued on torch's current stream of the tensors' device, and torch's current device stays what it was,
    which CuPy would otherwise change.
    """
    import cupy
    import numpy as np

    count = drive[0].numel()
    arguments: list[Any] = [drive.data_ptr(), np.int64(drive.stride(0)), output.data_ptr(), np.int64(output.stride(0))]
    arguments += [np.int64(len(drive)), np.int64(count), np.float64(clock)]
    arguments += [events.data_ptr() if events is not None else 0]
    arguments += [state.data_ptr() for state in states]
    for flat in parameters:
        arguments += [flat.values.data_ptr(), np.int64(flat.inner), np.int64(flat.values.numel())]
    index = drive.device.index or 0
    kernel = compiled(body, NAMES[drive.dtype], index)
    with torch.cuda.device(index), cupy.cuda.Device(index):
        stream = cupy.cuda.ExternalStream(torch.cuda.current_stream(index).cuda_stream)
        with stream:
            kernel(((count + THREADS - 1) // THREADS,), (THREADS,), tuple(arguments))
