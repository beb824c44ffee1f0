from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from networks import ConvNet, captured, noise
from snnfw.checks.neurons import check_neuron
from snnfw.errors import SnnfwError
from snnfw.kernels.choice import choose_backend
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.values import Resources, Site, SiteStats
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.integrate_and_fire.node import SignedBurstNeuron, clip_floor
from snnfw_plugins.tracking.node import TrackingNeuron

SITE = Site("s", "s", "relu", torch.relu, (None, 3), channel=1)
HALF = torch.tensor(0.5, dtype=torch.float64)


def dyadic(*shape: int, seed: int = 0) -> Tensor:
    """Return noise in steps of 1/64: sums of it are exact."""
    return (noise(*shape, seed=seed) * 64).round() / 64


def signed(burst: int, rounds: bool = True, **stats: Tensor) -> SignedBurstNeuron:
    return SignedBurstNeuron(SiteStats(HALF, **stats), burst, rounds)


@pytest.mark.parametrize("burst", [1, 2, 4, 64])
@pytest.mark.parametrize("seed", range(4))
def test_uncorrected_it_is_the_tracking_neuron_of_a_relu(burst: int, seed: int) -> None:
    """V = X - E, and max(V, -E) = max(X, 0) - E: what tracking calls missing."""
    drive = 2 * dyadic(24, 8, 9, seed=seed)
    drive[0] += 1 / 128  # no sum is halfway between two numbers of spikes: tracking divides by t, which rounds
    ours, theirs = signed(burst), TrackingNeuron(SiteStats(HALF), torch.relu, burst)
    assert torch.equal(ours(drive), theirs(drive))
    assert torch.equal(ours.emitted, theirs.emitted)  # type: ignore[arg-type]  # both have run


@pytest.mark.parametrize("burst", [1, 4])
@pytest.mark.parametrize("rounds", [False, True])
def test_charge_is_conserved(burst: int, rounds: bool) -> None:
    drive, initial, offset = dyadic(16, 4, 6), HALF / 2, HALF / 8
    neuron = signed(burst, rounds, initial=initial, offset=offset)
    emitted = neuron(drive).sum(0)
    assert torch.equal(emitted + neuron.potential, drive.sum(0) + 16 * offset + initial)


@pytest.mark.parametrize("burst", [1, 4])
def test_never_more_is_taken_back_than_was_emitted(burst: int) -> None:
    drive = 3 * dyadic(30, 6, 6)
    neuron = signed(burst)
    output = neuron(drive)
    sent = output.cumsum(0)
    assert bool((sent >= 0).all())
    assert bool((output < 0).any())
    assert torch.equal(sent[-1], neuron.fired * HALF)


@pytest.mark.parametrize("rounds", [False, True])
def test_the_sum_of_the_output_depends_on_the_sum_of_the_input_alone(rounds: bool) -> None:
    drive = dyadic(12, 5, 5)
    sent = signed(64, rounds)(drive).cumsum(0)
    wanted = torch.floor(drive.cumsum(0) / HALF + (0.5 if rounds else 0.0)).clamp(min=0) * HALF
    assert torch.equal(sent, wanted)


@pytest.mark.parametrize("timesteps", [1, 2, 8])
@pytest.mark.parametrize("burst", [1, 2, 4])
@pytest.mark.parametrize("shift", [False, True])
def test_constant_input_gives_the_closed_form(timesteps: int, burst: int, shift: bool) -> None:
    currents = torch.arange(-80, 200, dtype=torch.float64) / 64
    method = AdaFire(phi=burst, shift=shift, signed=True)
    neuron = method.build(SITE, SiteStats(HALF), timesteps)
    mean = neuron(currents.expand(timesteps, 1, -1)).mean(0)[0]
    assert torch.equal(mean, method.quantise(currents, HALF, timesteps))
    assert torch.equal(mean, clip_floor(currents, timesteps, HALF, burst, 0.5 if shift else 0.0))


def test_nothing_in_it_depends_on_the_number_of_timesteps() -> None:
    drive = noise(6, 4, 3)
    four, eight = (AdaFire(signed=True).build(SITE, SiteStats(HALF), timesteps) for timesteps in (4, 8))
    assert torch.equal(four(drive), eight(drive))


def test_spikes_taken_back_are_events() -> None:
    drive = torch.tensor([1.6, -1.6, 0.0], dtype=torch.float64).view(3, 1, 1)
    neuron = signed(8)
    output = neuron(drive)
    assert output.flatten().tolist() == [1.5, -1.5, 0.0]
    assert neuron.events(output).flatten().tolist() == [3, 3, 0]
    assert neuron.emitted is not None
    assert neuron.emitted.item() == 6


def test_calibration_acts_on_it() -> None:
    drive = torch.zeros(2, 1, 1, dtype=torch.float64)
    assert signed(4, initial=HALF)(drive).flatten().tolist() == [0.5, 0.0]
    assert signed(4, offset=HALF)(drive).flatten().tolist() == [0.5, 0.5]


@dataclass(frozen=True)
class Rounding(AdaFire):
    """The signed neuron as a default, for the contract."""

    signed: bool = True


@dataclass(frozen=True)
class Flooring(Rounding):
    """The same without the shift."""

    shift: bool = False


@pytest.mark.parametrize("method", [Rounding, Flooring])
def test_signed_bursts_fulfil_the_contract(method: type[AdaFire]) -> None:
    assert check_neuron(method) == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rounds", [False, True])
def test_the_kernel_computes_the_same_bits(dtype: torch.dtype, rounds: bool) -> None:
    try:
        choose_backend("native", "cpu")
    except SnnfwError:
        pytest.skip("no C compiler here")
    drive = (2 * noise(17, 5, 6, 7)).to(dtype)
    stats = SiteStats(torch.rand(6, 1, dtype=dtype) + 0.1, torch.rand(6, 1, dtype=dtype), torch.randn(6, 1).to(dtype))
    reference, native = SignedBurstNeuron(stats, 3, rounds), SignedBurstNeuron(stats, 3, rounds)
    native.backend, native.insists = "native", True
    assert torch.equal(reference(drive), native(drive))
    for state in ("potential", "fired", "emitted"):
        assert torch.equal(getattr(reference, state), getattr(native, state))


def outputs(neuron: AdaFire, drive: Tensor, timesteps: int) -> tuple[SpikingNeuron, Tensor]:
    built = neuron.build(SITE, SiteStats(HALF), timesteps)
    return built, built(drive)


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_threshold_ratio_of_one_changes_no_bit(is_signed: bool) -> None:
    x = noise(6, 3, 8, 8)
    graph = captured(ConvNet, x)
    results = []
    for neuron in (AdaFire(signed=is_signed), AdaFire(signed=is_signed, rho=1.0)):
        model = Calibration(potential=True).convert(graph, place(graph, (Rule("*", neuron),)), [(x,)], 4, Resources())
        results.append(model(x))
    built, _ = outputs(AdaFire(signed=is_signed, rho=1.0), noise(4, 2, 3), 4)
    assert torch.equal(built.threshold, HALF)
    assert torch.equal(*results)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("is_signed", [False, True])
def test_twice_the_threshold_gives_half_the_spikes_and_the_same_rate(k: int, is_signed: bool) -> None:
    """a·T = 2·k·θ: both closed forms are exact there. Adaptive Calibration, Eqs. 12 to 14."""
    timesteps = 8
    drive = (2 * k * HALF / timesteps).expand(timesteps, 1, 1)
    plain, halved = (
        outputs(AdaFire(phi=1, shift=False, signed=is_signed, rho=ratio), drive, timesteps) for ratio in (1.0, 2.0)
    )
    assert plain[0].emitted.item() == 2 * k  # type: ignore[union-attr]  # it has run
    assert halved[0].emitted.item() == k  # type: ignore[union-attr]  # it has run
    assert torch.equal(plain[1].mean(0), halved[1].mean(0))


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("shift", [False, True])
def test_spikes_never_rise_with_the_threshold_ratio(is_signed: bool, shift: bool) -> None:
    drive = (torch.arange(1, 128, dtype=torch.float64) / 64).expand(8, 1, -1)
    counts = []
    for ratio in torch.arange(1.0, 10.5, 0.5).tolist():
        built, _ = outputs(AdaFire(shift=shift, signed=is_signed, rho=ratio), drive, 8)
        assert built.emitted is not None
        counts.append(built.emitted)
    assert all(bool((later <= earlier).all()) for earlier, later in pairwise(counts))
    assert counts[-1].sum() < counts[0].sum()


def test_the_shift_belongs_to_the_new_threshold() -> None:
    drive = torch.full(
        (1, 1, 1), 0.5, dtype=torch.float64
    )  # θ = 1: with θ/2 it reaches θ, with the old θ/2 it does not
    assert outputs(AdaFire(rho=2.0), drive, 1)[1].item() == 1.0
    assert outputs(AdaFire(rho=2.0), drive - 0.01, 1)[1].item() == 0.0
