"""Chance that depends on a neuron's key and the timestep alone: the same in any chunk, batch and backend."""

from __future__ import annotations

import torch
from torch import Tensor

BITS = 24
"""Keys and draws are whole numbers below 2^24, which float32 holds exactly."""

WORD = 0xFFFFFFFF
BY_KEY, BY_TIME = 0x9E3779B1, 0x85EBCA77
FIRST, SECOND = 0x7FEB352D, 0x846CA68B
"""Multipliers of a 32-bit integer hash (C. Wellons, "lowbias32")."""

C_DRAW = f"""
    unsigned int hash = (unsigned int)(int)key * {BY_KEY}u + (unsigned int)(int)t * {BY_TIME}u;
    hash = (hash ^ (hash >> 16)) * {FIRST}u;
    hash = (hash ^ (hash >> 15)) * {SECOND}u;
    const real drawn = (real)(int)((hash ^ (hash >> 16)) >> {32 - BITS});
"""
"""C that declares ``drawn`` as what ``draw_numbers`` returns for ``key`` and ``t``."""


def random_keys(shape: tuple[int | None, ...], generator: torch.Generator) -> Tensor:
    """Return a random key for each neuron of a site's shape, the same for every sample."""
    sizes = [1 if size is None else size for size in shape]
    return torch.randint(0, 2**BITS, sizes, generator=generator)


def draw_numbers(key: Tensor, timestep: Tensor) -> Tensor:
    """Return a whole number below 2^24 for each key, evenly spread and unlike those of other timesteps."""
    mixed = (key * BY_KEY + timestep.long() * BY_TIME) & WORD
    mixed = ((mixed ^ (mixed >> 16)) * FIRST) & WORD
    mixed = ((mixed ^ (mixed >> 15)) * SECOND) & WORD
    return (mixed ^ (mixed >> 16)) >> (32 - BITS)
