from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from networks import ConvNet, captured, noise
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.values import Resources, Site, SiteStats
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.integrate_and_fire.node import BurstNeuron, SoftResetNeuron, clip_floor

SITE = Site("s", "s", "relu", torch.relu, (None, 3), channel=1)


def dyadic(low: int, high: int, denominator: int = 64) -> Tensor:
    """Return k/denominator for every k in a range: exact in binary, so that floor sits on boundaries exactly."""
    return torch.arange(low, high, dtype=torch.float64) / denominator


def rounded(activation: Tensor, timesteps: int, threshold: Tensor, burst: int) -> Tensor:
    """Return θ/T · clip(floor(a·T/θ + 1/2), 0, T·φ)."""
    steps = torch.floor(activation * timesteps / threshold + 0.5).clamp(0, timesteps * burst)
    return steps * threshold / timesteps


@pytest.mark.parametrize("timesteps", [1, 2, 8, 16])
@pytest.mark.parametrize("burst", [1, 2, 4])
def test_constant_input_gives_the_closed_form(timesteps: int, burst: int) -> None:
    currents, threshold = dyadic(-80, 400), torch.tensor(0.5, dtype=torch.float64)
    drive = currents.expand(timesteps, 1, -1)
    for shift in (False, True):
        neuron = BurstNeuron(SiteStats(threshold), timesteps, burst, shift)
        mean = neuron(drive).mean(0)[0]
        wanted = (
            rounded(currents, timesteps, threshold, burst)
            if shift
            else clip_floor(currents, timesteps, threshold, burst)
        )
        assert torch.equal(mean, wanted)


@pytest.mark.parametrize("shift", [False, True])
def test_a_burst_of_one_is_the_plain_neuron_bit_for_bit(shift: bool) -> None:
    drive = noise(12, 5, 7)
    stats = SiteStats(torch.tensor(0.3, dtype=torch.float64))
    assert torch.equal(BurstNeuron(stats, 12, 1, shift)(drive), SoftResetNeuron(stats, 12, shift)(drive))


def test_adafire_with_phi_one_is_plain_calibration_bit_for_bit() -> None:
    x = noise(6, 3, 8, 8)
    graph = captured(ConvNet, x)
    outputs = []
    for neuron in (AdaFire(phi=1), IntegrateAndFire(shift=True)):
        plan = place(graph, (Rule("*", neuron),))
        model = Calibration(potential=True).convert(graph, plan, [(x,)], 8, Resources())
        outputs.append(model(x))
    assert torch.equal(*outputs)


@given(
    k=st.integers(-200, 4000),
    timesteps=st.sampled_from([1, 2, 4, 8, 16, 32]),
    threshold=st.sampled_from([0.125, 0.25, 0.5, 1.0, 2.0]),
    burst=st.sampled_from([1, 2, 4, 8]),
)
@settings(max_examples=300, deadline=None)
def test_a_burst_of_phi_is_as_fine_as_phi_times_the_timesteps(
    k: int, timesteps: int, threshold: float, burst: int
) -> None:
    a, theta = torch.tensor([k / 128.0], dtype=torch.float64), torch.tensor(threshold, dtype=torch.float64)
    assert torch.equal(clip_floor(a, timesteps, theta, burst), clip_floor(a, timesteps * burst, theta * burst, 1))


@pytest.mark.parametrize("burst", [1, 4])
@pytest.mark.parametrize("shift", [False, True])
def test_charge_is_conserved(burst: int, shift: bool) -> None:
    """Emitted + residual = received + initial (+ what the shift brought in)."""
    timesteps, threshold, initial = 16, 0.5, 0.25
    drive = (noise(timesteps, 4, 6) * 64).round() / 64
    as_tensor = torch.tensor([threshold, initial], dtype=torch.float64)
    neuron = BurstNeuron(SiteStats(as_tensor[0], initial=as_tensor[1]), timesteps, burst, shift)
    emitted = neuron(drive).sum(0)
    received = drive.sum(0) + initial + (threshold / 2 if shift else 0.0)
    assert torch.equal(emitted + neuron.potential, received)


def test_an_offset_is_an_input_at_every_timestep() -> None:
    drive = noise(8, 2, 3)
    offset = torch.tensor([[0.1, -0.2, 0.3]], dtype=torch.float64)
    theta = torch.tensor(0.5, dtype=torch.float64)
    with_offset = SoftResetNeuron(SiteStats(theta, offset=offset), 8)(drive)
    assert torch.equal(with_offset, SoftResetNeuron(SiteStats(theta), 8)(drive + offset))


def test_events_count_every_spike_of_a_burst() -> None:
    neuron = BurstNeuron(SiteStats(torch.tensor(0.5, dtype=torch.float64)), 2, 4)
    drive = torch.tensor([[[0.4, 0.6, 1.2, 9.0]], [[0.0, 0.0, 0.0, 0.0]]], dtype=torch.float64)
    output = neuron(drive)
    assert neuron.events(output).tolist() == [[[0, 1, 2, 4]], [[0, 0, 0, 4]]]
    assert neuron.emitted is not None
    assert neuron.emitted.tolist() == [[0, 1, 2, 8]]


def test_spike_count_never_falls_when_the_input_rises() -> None:
    neuron = BurstNeuron(SiteStats(torch.tensor(0.375, dtype=torch.float64)), 8, 4, shift=True)
    emitted = neuron(dyadic(-64, 256).expand(8, 1, -1)).sum(0)[0]
    assert bool((emitted.diff() >= 0).all())
    assert bool((emitted >= 0).all())


@pytest.mark.parametrize("percentile", [100.0, 90.0])
@pytest.mark.parametrize("channel_wise", [False, True])
def test_the_plain_neurons_threshold_is_a_percentile_of_the_activation(percentile: float, channel_wise: bool) -> None:
    activation = noise(1000, 3).abs()
    observer = IntegrateAndFire(percentile=percentile, channel_wise=channel_wise).observer(SITE)
    observer.update(activation)
    threshold = observer.stats().threshold
    rows = activation.T if channel_wise else activation.reshape(1, -1)
    share = (rows <= threshold.reshape(-1, 1)).double().mean(1)
    torch.testing.assert_close(share, torch.full_like(share, percentile / 100), atol=1e-3, rtol=0)


def test_a_dead_channel_never_fires() -> None:
    observer = IntegrateAndFire(channel_wise=True).observer(SITE)
    activation = noise(10, 3).abs()
    activation[:, 1] = 0
    observer.update(activation)
    stats = observer.stats()
    assert stats.threshold[0, 1] == 1.0
    assert torch.equal(SoftResetNeuron(stats, 4)(activation.expand(4, 10, 3))[..., 1], torch.zeros(4, 10).double())
