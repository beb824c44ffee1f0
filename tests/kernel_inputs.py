"""What kernels are tried on: values that are special, in every layout in memory, and how results are compared."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Layout = Callable[[Tensor], Tensor]

SPECIAL = (0.0, -0.0, 0.25, -0.25, 0.75, 1e-40, -1e-40, 1e30, math.inf, -math.inf, math.nan)


def bits(tensor: Tensor) -> Tensor:
    """Return a tensor's bits, in which all NaN are one."""
    kinds = {2: torch.int16, 4: torch.int32, 8: torch.int64}
    return torch.where(tensor.isnan(), torch.nan, tensor).contiguous().view(kinds[tensor.element_size()])


def same(ours: Tensor, theirs: Tensor) -> bool:
    return ours.dtype == theirs.dtype and ours.shape == theirs.shape and torch.equal(bits(ours), bits(theirs))


def noise(shape: tuple[int, ...], dtype: torch.dtype, seed: int, special: bool = False) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=generator, dtype=torch.float64)
    if special:
        chosen = torch.randint(0, 4 * len(SPECIAL), shape, generator=generator)
        for index, value in enumerate(SPECIAL):
            values[chosen == index] = value
    return values.to(dtype)


def as_it_is(sequence: Tensor) -> Tensor:
    return sequence


def static(sequence: Tensor) -> Tensor:
    """One timestep, read again at each."""
    return sequence[:1].expand_as(sequence)


def time_inside(sequence: Tensor) -> Tensor:
    """Time is the fastest dimension in memory."""
    return sequence.movedim(0, -1).contiguous().movedim(-1, 0)


def reversed_dims(sequence: Tensor) -> Tensor:
    """Each timestep's dimensions lie in memory in reverse, as channels_last does to some."""
    dims = tuple(range(sequence.dim() - 1, 0, -1))
    return sequence.permute(0, *dims).contiguous().permute(0, *dims)


def channels_last(sequence: Tensor) -> Tensor:
    return sequence.movedim(2, -1).contiguous().movedim(-1, 2) if sequence.dim() > 2 else sequence


def sliced(sequence: Tensor) -> Tensor:
    """Every other element of something larger."""
    return torch.stack([sequence, sequence + 1], -1)[..., 0]


def expanded(sequence: Tensor) -> Tensor:
    """The first of the last dimension, for all of it."""
    return sequence[..., :1].expand_as(sequence) if sequence.dim() > 1 else sequence


def static_and_sliced(sequence: Tensor) -> Tensor:
    return static(sliced(sequence))


def overlapping(sequence: Tensor) -> Tensor:
    """Windows that move along one line by less than their length."""
    step = math.prod(sequence.shape[1:])
    line = sequence.reshape(-1)[: step + len(sequence)]
    if len(line) < step + len(sequence):
        return sequence
    return line.unfold(0, step, 1)[: len(sequence)].unflatten(1, sequence.shape[1:]) if step else sequence


LAYOUTS: tuple[Layout, ...] = (
    as_it_is, static, time_inside, reversed_dims, channels_last, sliced, expanded, static_and_sliced, overlapping,
)  # fmt: skip
