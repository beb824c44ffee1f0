from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from networks import noise
from snnfw.kernels.choice import choose_backend
from snnfw.spiking.check import check_neuron
from snnfw.values import Site, SiteStats
from snnfw_plugins.inflor import SoftResetIntegrateAndFire
from snnfw_plugins.inflor.node import RectifiedNeuron
from snnfw_plugins.inflor.rectifier import slope
from snnfw_plugins.integrate_and_fire.node import SoftResetNeuron

ONE = torch.tensor(1.0, dtype=torch.float64)
needs_native = pytest.mark.skipif(choose_backend("auto", "cpu").name != "native", reason="no compiler")
BACKENDS = ["reference", pytest.param("native", marks=needs_native)]

FIGURE_2 = [0.75, 0.6, 0.75, 0.45, 0.7]
"""1.5, 1.2, 1.5, 0.9 and 1.4 times the firing threshold of 0.5."""


def srif(
    backend: str = "reference",
    leak: float = 1.0,
    reset: str = "soft",
    mpr: bool = True,
    threshold: Tensor = ONE,
    **stats: Tensor,
) -> RectifiedNeuron:
    built = RectifiedNeuron(SiteStats(threshold, **stats), leak, reset, mpr)
    built.backend, built.insists = backend, True
    return built


def gradients(module: torch.nn.Module, drive: Tensor, chunks: tuple[int, ...] = (9,)) -> tuple[Tensor, Tensor]:
    """Return the output and the gradient of a weighted sum of it with respect to the input."""
    x = drive.clone().requires_grad_()
    y = torch.cat([module(part) for part in x.split(chunks)])
    (y * torch.arange(y.numel(), dtype=y.dtype).view_as(y).sin()).sum().backward()
    assert x.grad is not None
    return y.detach(), x.grad


def dyadic(*shape: int) -> Tensor:
    """Return noise in steps of 1/64, with which sums are exact."""
    return (64 * noise(*shape)).round() / 64


def test_it_fulfils_the_contract() -> None:
    assert check_neuron(SoftResetIntegrateAndFire) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_papers_sequence_makes_three_spikes_with_soft_reset(backend: str) -> None:
    neuron = srif(backend)
    spikes, residuals = [], []
    for current in FIGURE_2:
        spikes.append(neuron(torch.full((1, 1), current, dtype=torch.float64)).item())
        residuals.append(neuron.potential.item())
    assert spikes == [1, 0, 1, 1, 0]
    assert residuals == pytest.approx([-0.25, 0.35, 0.10, -0.45, 0.25])


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_papers_sequence_makes_four_spikes_with_hard_reset(backend: str) -> None:
    drive = torch.tensor(FIGURE_2, dtype=torch.float64).view(-1, 1)
    assert srif(backend, reset="hard")(drive).flatten().tolist() == [1, 1, 1, 0, 1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_is_integrate_and_fire_with_threshold_one_that_starts_at_one_half(backend: str) -> None:
    drive = dyadic(32, 5, 7)
    ours, theirs = srif(backend), SoftResetNeuron(SiteStats(ONE, initial=ONE / 2), timesteps=32)
    assert torch.equal(ours(drive), theirs(drive))
    assert torch.equal(ours.potential + 0.5, theirs.potential)
    assert ours.emitted is not None
    assert 0 < ours.emitted.mean() < 32


@pytest.mark.parametrize("backend", BACKENDS)
def test_charge_is_conserved(backend: str) -> None:
    drive = dyadic(32, 5, 7)
    neuron = srif(backend, initial=ONE / 4)
    assert torch.equal(neuron(drive).sum(0) + neuron.potential, drive.sum(0) + 0.25)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_the_rectifier_changes_no_spike(backend: str, reset: str) -> None:
    half = torch.tensor(0.5, dtype=torch.float64)
    edges = torch.stack([half, half.nextafter(ONE), half.nextafter(-ONE), 0 * ONE, ONE]).expand(12, 5)
    for drive in (noise(12, 400), edges):
        with_it, without = srif(backend, 0.5, reset), srif(backend, 0.5, reset, mpr=False)
        assert torch.equal(with_it(drive), without(drive))
        assert torch.equal(with_it.potential, without.potential)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mpr", [True, False])
def test_the_gradient_of_a_spike_is_the_rectifiers_slope(backend: str, mpr: bool) -> None:
    x = torch.linspace(-2, 3, 501, dtype=torch.float64).view(1, 1, -1)
    x.requires_grad_()
    srif(backend, mpr=mpr)(x).sum().backward()
    potential = x.detach()
    inside = (potential >= 0) & (potential <= 1)
    assert x.grad is not None
    torch.testing.assert_close(x.grad, slope(potential) if mpr else inside.double(), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_gradients_are_finite_at_every_branch_point(backend: str, dtype: torch.dtype, reset: str) -> None:
    x = torch.tensor([-1e4, -1.0, -1e-40, 0.0, 0.5, 1.0, 2.0, 1e4], dtype=dtype).expand(3, 8).clone().requires_grad_()
    srif(backend, reset=reset, threshold=torch.tensor(1.0, dtype=dtype))(x).sum().backward()
    assert x.grad is not None
    assert bool(torch.isfinite(x.grad).all())


CHUNKS = [(9,), (4, 5), (1, 3, 5)]


@needs_native
@pytest.mark.parametrize(("reset", "mpr", "chunks"), list(product(["soft", "hard"], [True, False], CHUNKS)))
@pytest.mark.parametrize("shape", [(4, 6), (2, 6, 3, 5)])
def test_the_kernels_gradient_is_autograds_through_the_reference(
    reset: str, mpr: bool, chunks: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    drive = noise(9, *shape)
    height = (noise(1, 6, *[1] * (len(shape) - 2), seed=1).abs() + 0.5).expand(1, 6, *[1] * (len(shape) - 2))
    stats = {"threshold": height, "offset": 0.1 * height, "initial": 0.2 * height}
    results = [gradients(srif(backend, 0.7, reset, mpr, **stats), drive, chunks) for backend in ("reference", "native")]
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-12, atol=1e-12)
    assert bool((results[0][1] != 0).any())


@needs_native
def test_in_single_precision_the_gradients_agree_closely() -> None:
    drive = noise(9, 4, 6).float()
    one = torch.tensor(1.0)
    reference, native = (gradients(srif(backend, threshold=one), drive) for backend in ("reference", "native"))
    assert torch.equal(reference[0], native[0])
    torch.testing.assert_close(reference[1], native[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_flow_through_the_reset(backend: str) -> None:
    x = torch.full((2, 1), 0.5, dtype=torch.float64, requires_grad=True)  # fires, and leaves -1/2 for the next timestep
    srif(backend, mpr=False)(x)[1].sum().backward()
    assert x.grad is not None
    # dO2/dH2 = 1 at H2 = 0, and dU1/dH1 = 1 - dO1/dH1 = 0
    assert x.grad.flatten().tolist() == [0.0, 1.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_leak_keeps_a_share_of_the_potential(backend: str) -> None:
    drive = torch.tensor([0.25, 0.25, 0.5, 0.0], dtype=torch.float64).view(-1, 1)
    neuron = srif(backend, leak=0.5)
    # H = 0.25, 0.375, 0.6875 (fires), -0.15625
    assert neuron(drive).flatten().tolist() == [0, 0, 1, 0]
    assert neuron.potential.item() == -0.15625


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_the_height_scales_everything(backend: str, reset: str) -> None:
    drive = noise(9, 4, 6)
    one, four = srif(backend, 0.5, reset), srif(backend, 0.5, reset, threshold=4 * ONE)
    assert torch.equal(4 * one(drive), four(4 * drive))
    assert one.emitted is not None
    assert torch.equal(one.emitted, torch.as_tensor(four.emitted))


def test_the_height_is_given_or_found() -> None:
    site = Site("s", "s", "relu", torch.relu, (None, 3), channel=1)
    for neuron, wanted in ((SoftResetIntegrateAndFire(), 1.0), (SoftResetIntegrateAndFire(scale=None), 4.0)):
        observer = neuron.observer(site)
        observer.update(torch.tensor([[1.0, 4.0, 2.0]]))
        assert observer.stats().threshold.item() == wanted
