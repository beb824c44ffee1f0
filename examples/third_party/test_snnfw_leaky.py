"""The leaky neuron fulfils the contract, and does what its equation says."""

# ruff: noqa: S101  # pytest asserts

from __future__ import annotations

import torch
from snnfw_leaky import Leaky

from snnfw import Site, SiteStats
from snnfw.checks import check_neuron

SITE = Site("relu", "relu", "relu", torch.relu, (None, 3), channel=1)
THETA = torch.tensor(0.5, dtype=torch.float64)


def test_it_fulfils_the_contract() -> None:
    assert check_neuron(Leaky) == []


def test_what_comes_in_is_emitted_leaks_away_or_stays() -> None:
    leak, lost = 0.25, torch.zeros(2, 3, dtype=torch.float64)
    neuron = Leaky(leak=leak).build(SITE, SiteStats(THETA), timesteps=8)
    drive, emitted = torch.rand(8, 2, 3, dtype=torch.float64), torch.zeros_like(lost)
    for t in range(8):
        lost += leak * neuron.potential if t else 0.0
        emitted += neuron(drive[t : t + 1])[0]
    torch.testing.assert_close(emitted + lost + neuron.potential, drive.sum(0))


def test_an_input_of_up_to_leak_times_threshold_never_fires() -> None:
    neuron = Leaky(leak=0.1).build(SITE, SiteStats(THETA), timesteps=500)
    drive = torch.tensor([[0.03, 0.04, 0.06]], dtype=torch.float64).expand(500, 1, 3)
    assert (neuron(drive).sum(0) > 0).tolist() == [[False, False, True]]
