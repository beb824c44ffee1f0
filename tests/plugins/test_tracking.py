from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from networks import noise
from snnfw.contracts import Site, SiteStats
from snnfw_plugins.tracking import Tracking
from snnfw_plugins.tracking.node import TrackingNeuron

HALF = torch.tensor(0.5, dtype=torch.float64)
FUNCTIONS = [F.silu, F.gelu, F.hardswish, F.leaky_relu, F.relu6, torch.relu, torch.tanh]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_output_stays_within_half_a_threshold_of_the_target_while_no_burst_is_clipped(
    function: object,
) -> None:
    drive, theta = noise(40, 6, 5), torch.tensor(0.1, dtype=torch.float64)
    neuron = TrackingNeuron(SiteStats(theta), function, burst=64)  # type: ignore[arg-type]  # torch's own functions
    sent = neuron(drive).cumsum(0)
    times = torch.arange(1, 41, dtype=torch.float64).view(-1, 1, 1)
    target = times * function(drive.cumsum(0) / times)  # type: ignore[operator]
    assert bool(((sent - target).abs() <= theta / 2 * (1 + 1e-9)).all())


@pytest.mark.parametrize("timesteps", [1, 2, 8])
@pytest.mark.parametrize("burst", [1, 4])
def test_constant_input_gives_the_closed_form(timesteps: int, burst: int) -> None:
    limit = burst * 32  # |a| <= φ·θ: no burst is clipped
    activation = torch.arange(-limit, limit + 1, dtype=torch.float64) / 64
    neuron = TrackingNeuron(SiteStats(HALF), lambda x: x, burst)
    mean = neuron(activation.expand(timesteps, 1, -1)).mean(0)[0]
    assert torch.equal(mean, Tracking(phi=burst).quantise(activation, HALF, timesteps))


def test_a_burst_holds_at_most_phi_spikes_of_either_sign() -> None:
    neuron = TrackingNeuron(SiteStats(HALF), lambda x: x, 3)
    output = neuron(100 * noise(10, 4, 4))
    assert neuron.events(output).max() == 3
    assert output.min() == -1.5


def test_negative_spikes_take_back_what_was_emitted_too_early() -> None:
    drive = torch.tensor([4.0, -4.0, 0.0, 0.0], dtype=torch.float64).view(4, 1, 1)
    output = TrackingNeuron(SiteStats(HALF), torch.relu, 8)(drive)
    assert output.flatten().tolist() == [4.0, -4.0, 0.0, 0.0]


def test_negative_spikes_are_events() -> None:
    neuron = TrackingNeuron(SiteStats(HALF), torch.relu, 8)
    drive = torch.tensor([4.0, -4.0], dtype=torch.float64).view(2, 1, 1)
    assert neuron.events(neuron(drive)).flatten().tolist() == [8, 8]


def test_threshold_is_the_largest_magnitude_over_phi() -> None:
    observer = Tracking(phi=8).observer(Site("s", "s", "relu", torch.relu, (None, 3), channel=1))
    observer.update(torch.tensor([[1.0, -4.0, 2.0]]))
    observer.update(torch.tensor([[1.0, -1.0, 2.0]]))
    assert observer.stats().threshold.tolist() == [[0.5]]


def test_samples_do_not_influence_each_other() -> None:
    drive = noise(8, 5, 3)
    whole, alone = TrackingNeuron(SiteStats(HALF), F.silu, 4), TrackingNeuron(SiteStats(HALF), F.silu, 4)
    assert torch.equal(whole(drive)[:, 2:3], alone(drive[:, 2:3]))
