"""Integers as bits: how many there are, which are set, and the planes that they make."""

from __future__ import annotations

import torch
from torch import Tensor


def count_set_bits(integers: Tensor) -> Tensor:
    """Return how many bits of each integer's magnitude are set; integers are whole numbers of a floating point type."""
    bits = integers.abs().to(torch.int64)
    count = torch.zeros_like(bits)
    for _ in range(bit_width(integers)):
        count += bits & 1
        bits >>= 1
    return count.to(integers.dtype)


def bit_width(integers: Tensor) -> int:
    """Return how many bits the largest magnitude takes."""
    return int(integers.abs().max()).bit_length() if integers.numel() else 0


def bit_plane(integers: Tensor, b: int) -> Tensor:
    """Return bit b of every integer: Σ 2^b plane_b gives them back.

    IBRA-LIF, Eqs. 6 to 15, sum b from 1 to B, which leaves out the lowest bit; bits are counted from 0 here. The bits
    of a negative integer are those of its magnitude, each with its sign.
    """
    return ((integers.abs().to(torch.int64) >> b) & 1).to(integers.dtype) * integers.sign()
