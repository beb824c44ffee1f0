"""Integers as the planes that their bits make."""

from __future__ import annotations

import torch
from torch import Tensor


def bit_plane(integers: Tensor, b: int) -> Tensor:
    """Return bit b of every integer: Σ 2^b plane_b gives them back.

    IBRA-LIF, Eqs. 6 to 15, sum b from 1 to B, which leaves out the lowest bit; bits are counted from 0 here. The bits
    of a negative integer are those of its magnitude, each with its sign.
    """
    return ((integers.abs().to(torch.int64) >> b) & 1).to(integers.dtype) * integers.sign()
