"""See tensors as kernels see them: a run of elements in memory, and parameters that repeat along it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class FlatParameter:
    """A parameter along memory: element i reads values[(i / inner) % len(values)]."""

    values: Tensor
    inner: int


def count_changes(tensor: Tensor) -> int:
    """Return how often a tensor has changed in place, which is not counted of one made in inference mode."""
    return 0 if tensor.is_inference() else tensor._version


def memory_order(tensor: Tensor) -> tuple[int, ...] | None:
    """Return a tensor's dimensions from slowest to fastest in memory; None where its elements are not dense there."""
    strides = tensor.stride()
    order = sorted(range(tensor.dim()), key=lambda dim: (-strides[dim], dim))
    expected = 1
    for dim in reversed([dim for dim in order if tensor.shape[dim] != 1]):
        if strides[dim] != expected:
            return None
        expected *= tensor.shape[dim]
    return tuple(order)


def dense_steps(sequence: Tensor) -> Tensor:
    """Return [T, *shape] with every timestep dense in memory, copying only where it is not; a static input once."""
    step = sequence[0]
    if step.is_contiguous() or memory_order(step) is not None:
        return sequence
    if sequence.stride(0) == 0:
        return step.contiguous().expand_as(sequence)
    return sequence.contiguous()


def copy_with_layout(tensor: Tensor, like: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a fresh tensor with the values of one and the memory layout of another of the same shape."""
    return torch.empty_strided(like.shape, like.stride(), dtype=dtype, device=like.device).copy_(tensor)


def steps_with_strides(sequence: Tensor, strides: tuple[int, ...]) -> Tensor:
    """Return [T, *shape] with timesteps that lie in memory as dense ``strides`` say, copying where they don't."""
    if sequence[0].stride() == strides:
        return sequence
    return sequence.new_empty_strided(sequence.shape, (sequence[0].numel(), *strides)).copy_(sequence)


NUMBERS: dict[tuple[float, torch.dtype, torch.device], Tensor] = {}
"""Numbers as kernels read them, by value, type and device."""

MOST_NUMBERS = 256


def _number(value: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a number as kernels read it, sent to a device once: a GPU would wait for it in every run."""
    key = (value, dtype, device)
    if torch.compiler.is_compiling() or key not in NUMBERS:
        with torch.inference_mode(mode=False):
            made = torch.full((1,), value, dtype=dtype, device=device)
        if torch.compiler.is_compiling() or type(made) is not Tensor:
            return made  # a stand-in without memory, which no run may find here afterwards
        if len(NUMBERS) >= MOST_NUMBERS:
            NUMBERS.clear()
        NUMBERS[key] = made
    return NUMBERS[key]


def flatten(parameter: Tensor | float, like: Tensor, dtype: torch.dtype) -> FlatParameter:
    """Return a parameter as a kernel reads it along the memory of ``like``, one timestep's dense tensor.

    The parameter broadcasts against ``like``: a number, a value per channel, or one per neuron, in any memory layout.
    """
    if not isinstance(parameter, Tensor):
        return FlatParameter(_number(float(parameter), dtype, like.device), 1)
    if parameter.numel() == 1:
        return FlatParameter(parameter.detach().reshape(1).to(dtype=dtype, device=like.device), 1)
    order = memory_order(like)
    if order is None:
        raise ValueError("the tensor is not dense in memory")
    padded = parameter.detach().reshape((1,) * (like.dim() - parameter.dim()) + tuple(parameter.shape))
    sizes = [like.shape[dim] for dim in order]
    varies = [index for index, dim in enumerate(order) if padded.shape[dim] != 1]
    first, last = varies[0], varies[-1]
    run = [sizes[i] if first <= i <= last else 1 for i in range(len(order))]
    values = padded.permute(order).expand(run).to(dtype=dtype, device=like.device).contiguous()
    return FlatParameter(values.reshape(-1), math.prod(sizes[last + 1 :]))
