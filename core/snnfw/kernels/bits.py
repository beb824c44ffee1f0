"""Count the bits of whole numbers, alike in torch and in a neuron's lines of C."""

from __future__ import annotations

import torch
from torch import Tensor

# In pairs, then in fours, eights and so on; with a multiplication at the end GCC would know it for a count of bits and
# put an instruction there that it does not vectorise.
COUNT_BITS = """
    bits = bits - ((bits >> 1) & 0x55555555u);
    bits = (bits & 0x33333333u) + ((bits >> 2) & 0x33333333u);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0fu;
    bits = bits + (bits >> 8);
    bits = (bits + (bits >> 16)) & 63u;
"""
"""Leaves in ``bits``, an unsigned int, how many of its bits are set."""


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
