"""Processes draw other random numbers each; one alone draws what it always drew."""

from __future__ import annotations

import torch

from snnfw.ranks.group import ALONE, Alone
from snnfw.ranks.noise import own_noise, seed_of


def test_no_two_processes_or_epochs_share_a_seed() -> None:
    seeds = {seed_of(seed, epoch, rank) for seed in (0, 1) for epoch in range(5) for rank in range(5)}
    assert len(seeds) == 50
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of(3, 2, 0) == (3 << 20) + 2


def drawn(rank: Alone) -> tuple[float, float]:
    torch.manual_seed(0)
    with own_noise(rank, 7, "cpu"):
        during = float(torch.rand(()))
    return during, float(torch.rand(()))


def test_one_process_draws_on_and_several_come_back() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        usual = [float(torch.rand(())) for _ in range(2)]
        assert drawn(ALONE) == tuple(usual)
        assert drawn(Alone(0, 2)) == (usual[0], usual[0])
        others = [drawn(Alone(rank, 3)) for rank in (1, 2)]
    assert all(behind == usual[0] for _, behind in others)
    assert len({usual[0], *(during for during, _ in others)}) == 3
