"""Run a neuron's body over a sequence: memory laid out, states carried on, events counted, on either target."""

from __future__ import annotations

import torch
from torch import Tensor

from snnfw.kernels import gpu, native
from snnfw.kernels.body import Kernel
from snnfw.kernels.layout import copy_with_layout, dense_steps
from snnfw.kernels.pages import ask_for_large_pages

TARGETS = {"native": native.launch, "cupy": gpu.launch}


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the type of states and arithmetic for inputs of a type: half precision is computed in 32 bits."""
    return torch.float64 if dtype is torch.float64 else torch.float32


def is_supported(drive: Tensor) -> bool:
    """Tell whether kernels exist for a tensor's type."""
    return drive.dtype in native.NAMES


def run_kernel(
    target: str,
    kernel: Kernel,
    drive: Tensor,
    states: dict[str, Tensor],
    emitted: Tensor | None,
    in_place: bool = False,
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Return the output [T, *shape], the states after it and the events so far; ``states`` are not changed.

    ``in_place`` lets the output take the input's memory, for a caller that does not read the input again.
    """
    drive = dense_steps(drive)
    step = drive[0]
    real = compute_dtype(drive.dtype)
    body = kernel.body
    after = {name: copy_with_layout(states[name], step, real) for name in body.states}
    events = torch.zeros_like(step, dtype=real) if emitted is None else copy_with_layout(emitted, step, real)
    output = drive if in_place and drive.stride(0) >= step.numel() else output_like(step, len(drive))
    clock = float(states[body.clock]) if body.clock else 0.0
    if drive.numel():
        TARGETS[target](body, drive, output, list(after.values()), kernel.flat(step, real), clock, events)
    if body.clock:
        after[body.clock] = states[body.clock] + len(drive)
    return output, after, events


def sequence_like(step: Tensor, length: int) -> Tensor:
    """Return an empty [T, *shape] in which every timestep is dense, in the memory layout of ``step`` where that is."""
    # A view of something larger has strides that would overlap.
    strides = step.stride() if step.is_contiguous() else torch.empty_like(step).stride()
    return step.new_empty_strided((length, *step.shape), (step.numel(), *strides))


def output_like(step: Tensor, length: int) -> Tensor:
    """Return an empty [T, *shape] like ``sequence_like``'s, on large pages where the system has them."""
    sequence = sequence_like(step, length)
    if sequence.device.type == "cpu":
        ask_for_large_pages(sequence)
    return sequence
