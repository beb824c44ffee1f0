from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from networks import noise
from snnfw.contracts import Site, SiteStats
from snnfw_plugins.tracking import Tracking
from snnfw_plugins.tracking.functions import c_code
from snnfw_plugins.tracking.node import TrackingNeuron

HALF = torch.tensor(0.5, dtype=torch.float64)
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    **{name: getattr(F, name) for name in ("silu", "hardswish", "relu6", "hardsigmoid", "elu", "mish", "softplus")},
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "hardtanh": F.hardtanh,
    "leaky_relu": F.leaky_relu,
}
IN_C = {"silu", "hardswish", "relu6", "hardsigmoid", "relu", "sigmoid", "tanh", "gelu", "hardtanh", "leaky_relu"}
BACKENDS = [*((name, "reference") for name in FUNCTIONS), *((name, "native") for name in sorted(IN_C))]


@pytest.mark.parametrize(("name", "backend"), BACKENDS)
@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_mean_output_is_within_half_a_threshold_over_t_of_the_function_of_the_mean_input(
    name: str, backend: str, scale: float
) -> None:
    drive, theta = scale * noise(40, 6, 5), torch.tensor(0.1, dtype=torch.float64)
    neuron = TrackingNeuron(SiteStats(theta), FUNCTIONS[name], 10**6, c_code(name, ()))
    neuron.backend, neuron.insists = backend, True
    times = torch.arange(1, 41, dtype=torch.float64).view(-1, 1, 1)
    target = FUNCTIONS[name](drive.cumsum(0) / times)
    error = (neuron(drive).cumsum(0) / times - target).abs()
    assert bool((error <= theta / (2 * times) * (1 + 1e-9)).all())


def test_activations_in_c_are_those_that_the_page_lists() -> None:
    assert {name for name in FUNCTIONS if c_code(name, ()) is not None} == IN_C


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "silu", "hardswish", "gelu", "elu", "mish", "softplus"])
def test_a_clipped_burst_is_made_up_for_by_later_timesteps(name: str) -> None:
    mean, theta = 2 * noise(6, 5), torch.tensor(0.1, dtype=torch.float64)
    early = torch.full((64, 1, 1), -36 / 62, dtype=torch.float64)
    early[:2] = 50  # far too much at first; over all timesteps the mean is the usual one
    neuron = TrackingNeuron(SiteStats(theta), FUNCTIONS[name], 80)
    sent = neuron(early * mean)
    assert neuron.events(sent).max() == 80
    assert bool(((sent.sum(0) - 64 * FUNCTIONS[name](mean)).abs() <= theta / 2 * (1 + 1e-9)).all())


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
