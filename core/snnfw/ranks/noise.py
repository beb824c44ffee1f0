"""Random numbers of several processes: each draws its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from snnfw.ranks.group import Ranks


def seed_of(seed: int, epoch: int, rank: int) -> int:
    """Return the seed of a process in an epoch: of the first one what one process alone has, of others their own."""
    if rank == 0:
        return (seed << 20) + epoch
    return int.from_bytes(hashlib.sha256(f"{seed} {epoch} {rank}".encode()).digest()[:7])


@contextmanager
def own_noise(ranks: Ranks, seed: int, device: str) -> Iterator[None]:
    """Let every process but the first draw other random numbers, and all go on with those of before afterwards."""
    if ranks.count == 1:
        yield
        return
    with torch.random.fork_rng([torch.device(device)] if device.startswith("cuda") else []):
        if ranks.rank:
            torch.manual_seed(seed_of(seed, 0, ranks.rank))
        yield
