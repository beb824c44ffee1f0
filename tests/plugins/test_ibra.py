from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from backends import BACKENDS, needs_native
from networks import captured, converted, noise
from snnfw.checks.neurons import check_neuron
from snnfw.config.fields import build_dataclass
from snnfw.errors import SnnfwError
from snnfw.kernels import bit_width, count_set_bits
from snnfw.values import Site, SiteStats
from snnfw_plugins.ibra import IntegerBinaryRangeAlignment, IntegerLeakyIntegrateAndFire, snnfw_register_presets
from snnfw_plugins.ibra.bits import bit_plane
from snnfw_plugins.ibra.node import BinaryNeuron, IntegerNeuron
from snnfw_plugins.inflor.node import RectifiedNeuron

ONE = torch.tensor(1.0, dtype=torch.float64)
SITE = Site("s", "s", "relu", torch.relu, (None, 3), channel=1)

PAIRS = [
    (1.5, 10, 15), (3.1, 10, 31), (6.3, 10, 63),
    (1.27, 100, 127), (2.55, 100, 255), (5.11, 100, 511),
    (1.023, 1000, 1023), (2.047, 1000, 2047), (4.095, 1000, 4095), (8.191, 1000, 8191),
]  # fmt: skip
"""Every pair of D and N in the paper's Table 1 that is bounded, with D_N."""


def neuron(
    backend: str = "reference",
    n: int = 100,
    limit: int = 511,
    leak: float = 0.25,
    cls: type[IntegerNeuron] = BinaryNeuron,
    threshold: Tensor = ONE,
    **stats: Tensor,
) -> IntegerNeuron:
    built = cls(SiteStats(threshold, **stats), n, limit, leak)
    built.backend, built.insists = backend, True
    return built


def gradients(module: nn.Module, drive: Tensor, chunks: tuple[int, ...] = (9,)) -> tuple[Tensor, Tensor]:
    """Return the output and the gradient of a weighted sum of it with respect to the input."""
    x = drive.clone().requires_grad_()
    y = torch.cat([module(part) for part in x.split(chunks)])
    (y * torch.arange(y.numel(), dtype=y.dtype).view_as(y).sin()).sum().backward()
    assert x.grad is not None
    return y.detach(), x.grad


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gain_is_a_lower_threshold_and_a_larger_input(backend: str) -> None:
    """Hold section 3.4's alternatives against each other on dyadic values: θ = 1/4 is k = 4 is four times the input."""
    drive = (noise(7, 5, 3) * 16).round() / 16
    amplified = IntegerNeuron(SiteStats(ONE), 1, 15, 0.25, gain=4.0)
    plain = IntegerNeuron(SiteStats(ONE), 1, 15, 0.25)
    for built in (amplified, plain):
        built.backend, built.insists = backend, True
    found = amplified(drive)
    assert found.equal(plain(4 * drive))
    potential = torch.zeros(5, 3, dtype=torch.float64)
    for t in range(7):
        before = 0.25 * potential + drive[t]
        sent = (before / 0.25).round().clamp(0, 15)
        potential = before - 0.25 * sent
        assert found[t].equal(sent)
    assert amplified.emitted is not None
    assert amplified.emitted.equal(found.sum(0))


@pytest.mark.parametrize("backend", BACKENDS)
def test_range_alignment_is_that_gain_with_a_divided_output(backend: str) -> None:
    drive = (noise(6, 4, 3, seed=2) * 64).round() / 64
    aligned = neuron(backend, n=16, limit=31)
    rival = IntegerNeuron(SiteStats(ONE), 1, 31, 0.25, gain=16.0)
    rival.backend, rival.insists = backend, True
    assert (16 * aligned(drive)).equal(rival(drive))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_gradient_of_a_gain_is_as_many_times_as_large(backend: str) -> None:
    drive = noise(9, 4, 3, seed=6)
    found = {}
    for gain in (1.0, 4.0):
        built = IntegerNeuron(SiteStats(ONE), 1, 15, 0.25, gain)
        built.backend, built.insists = backend, True
        found[gain] = gradients(built, drive * 4 / gain, (4, 5))
    assert found[1.0][0].equal(found[4.0][0])
    assert torch.allclose(found[4.0][1], 4 * found[1.0][1], rtol=1e-14, atol=0)


@pytest.mark.parametrize("cls", [IntegerBinaryRangeAlignment, IntegerLeakyIntegrateAndFire])
def test_it_fulfils_the_contract(cls: Any) -> None:
    assert check_neuron(cls) == []


@pytest.mark.parametrize(("d", "n", "limit"), PAIRS)
def test_the_papers_pairs_fill_their_bits(d: float, n: int, limit: int) -> None:
    method = IntegerBinaryRangeAlignment(n=n, d=d)
    assert (method.limit, method.bits) == (limit, round(math.log2(limit + 1)))


@pytest.mark.parametrize("n", [100, 1000])
def test_without_a_bound_there_are_as_many_bits_as_are_exact(n: int) -> None:
    method = IntegerBinaryRangeAlignment(n=n, d=None)
    assert method.bits == 20
    built = method.build(SITE, SiteStats(torch.tensor(1.0)), 1)
    whole = torch.tensor([0.0, 1.0, 2**10 + 1, 2**19 - 1, 2**20 - 2, 2**20 - 1])
    assert torch.equal(built.events(whole / n), torch.tensor([0.0, 1.0, 2.0, 19.0, 19.0, 20.0]))


REFUSED = {
    (5.0, 100): "d · n = 500 is not 2^B - 1 with B from 1 to 20; the nearest with n=100 is d=5.11 (B = 9)",
    (5.11, 10): "d · n = 51.1 is not 2^B - 1 with B from 1 to 20; the nearest with n=10 is d=6.3 (B = 6)",
    (5.114, 100): "d · n = 511.4 is not 2^B - 1 with B from 1 to 20; the nearest with n=100 is d=5.11 (B = 9)",
    (1.5, 1): "d · n = 1.5 is not 2^B - 1 with B from 1 to 20; the nearest with n=1 is d=1 (B = 1)",
    (4.0, 1): "d · n = 4 is not 2^B - 1 with B from 1 to 20; the nearest with n=1 is d=3 (B = 2)",
    (5.0, 1): "d · n = 5 is not 2^B - 1 with B from 1 to 20; the nearest with n=1 is d=7 (B = 3)",
    (30.0, 1_000_000): (
        "d · n = 30000000 is not 2^B - 1 with B from 1 to 20; the nearest with n=1000000 is d=1.048575 (B = 20)"
    ),
}


@pytest.mark.parametrize(("d", "n"), REFUSED)
def test_any_other_pair_is_refused_and_the_nearest_is_named(d: float, n: int) -> None:
    with pytest.raises(ValueError, match="nearest") as caught:
        IntegerBinaryRangeAlignment(n=n, d=d)
    assert str(caught.value) == REFUSED[d, n]


def test_the_configuration_refuses_it_in_the_same_words() -> None:
    with pytest.raises(SnnfwError) as caught:
        build_dataclass(IntegerBinaryRangeAlignment, {"d": 5.0}, "neuron", "neuron 'ibra'")
    assert str(caught.value) == f"neuron 'ibra' is not possible with these values: {REFUSED[5.0, 100]}."


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_ties_are_rounded_to_even(backend: str, dtype: torch.dtype) -> None:
    drive = torch.tensor([[0.5, 1.5, 2.5, 3.5, 6.5, 7.5, -0.5, -0.0]], dtype=dtype)
    built = neuron(backend, n=1, limit=7, threshold=ONE.to(dtype))
    assert built(drive).tolist() == [[0, 2, 2, 4, 6, 7, 0, 0]]


@pytest.mark.parametrize("limit", [1, 15, 511, 8191])
def test_bits_give_back_every_integer(limit: int) -> None:
    whole = torch.arange(limit + 1, dtype=torch.float64)
    bits = [bit_plane(whole, b) for b in range(limit.bit_length())]
    assert set(torch.stack(bits).unique().tolist()) == {0, 1}
    assert torch.equal(sum(2**b * bit for b, bit in enumerate(bits)), whole)
    assert torch.equal(count_set_bits(whole), torch.stack(bits).sum(0))
    assert torch.equal(count_set_bits(whole), torch.tensor([float(int(m).bit_count()) for m in whole]).double())
    assert bit_width(whole) == limit.bit_length()


def test_negative_integers_have_negative_bits() -> None:
    whole = torch.tensor([-5.0, -1.0, 0.0, 6.0])
    assert torch.equal(sum(2**b * bit_plane(whole, b) for b in range(3)), whole)


@pytest.mark.parametrize(("limit", "mean"), [(15, 2.0), (511, 4.5)])
def test_uniform_integers_of_b_bits_hold_half_as_many_events(limit: int, mean: float) -> None:
    assert count_set_bits(torch.arange(limit + 1).double()).mean() == mean


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_output_is_the_clipped_potential_to_half_a_step(backend: str) -> None:
    drive = 3 * noise(1, 4, 500)
    built = neuron(backend)
    output = built(drive)
    assert bool(((output - drive.clamp(0, 5.11)).abs() <= 0.5 / 100 + 1e-12).all())
    assert torch.equal((output * 100).round() / 100, output)
    assert torch.equal(torch.as_tensor(built.potential), (drive - output)[0])  # beyond D, and below 0, it stays


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_left_leaks(backend: str) -> None:
    drive = torch.tensor([[2.75], [0.0], [-1.0]], dtype=torch.float64)
    built = neuron(backend, n=1, limit=1, leak=0.25)
    # V' = 2.75, 1.75 / 4 = 0.4375, 0.109375 - 1
    assert built(drive).flatten().tolist() == [1, 0, 0]
    assert built.potential.item() == 0.4375 / 4 - 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_with_one_bit_it_is_a_spiking_neuron_that_rounds(backend: str) -> None:
    drive = noise(16, 4, 50)
    ours = neuron(backend, n=1, limit=1, leak=0.25)(drive)
    theirs = RectifiedNeuron(SiteStats(ONE), leak=0.25)(drive)
    assert torch.equal(ours, theirs)
    assert 0.05 < ours.mean() < 0.95


@pytest.mark.parametrize("backend", BACKENDS)
def test_with_steps_of_one_it_is_ilif_with_other_events(backend: str) -> None:
    drive = 4 * noise(8, 4, 50)
    binary, unary = neuron(backend, 1, 15), neuron(backend, 1, 15, cls=IntegerNeuron)
    output = binary(drive)
    assert torch.equal(output, unary(drive))
    assert torch.equal(torch.as_tensor(unary.emitted), output.sum(0))
    assert torch.equal(torch.as_tensor(binary.emitted), count_set_bits(output).sum(0))
    assert bool((torch.as_tensor(binary.emitted) <= torch.as_tensor(unary.emitted)).all())


@needs_native
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("n", "limit"), [(10, 15), (100, 511), (1000, 8191), (1000, 2**20 - 1)])
@pytest.mark.parametrize("cls", [BinaryNeuron, IntegerNeuron])
def test_the_kernel_emits_and_counts_what_the_reference_does(
    n: int, limit: int, dtype: torch.dtype, cls: type[IntegerNeuron]
) -> None:
    drive = (1.5 * limit / n * noise(3, 4, 2000)).to(dtype)
    drive[0, 0, :5] = torch.tensor([math.nan, math.inf, -math.inf, 0.0, -0.0])
    ours, theirs = (neuron(b, n, limit, cls=cls, threshold=ONE.to(dtype)) for b in ("native", "reference"))
    output = ours(drive)
    torch.testing.assert_close(output, theirs(drive), rtol=0, atol=0, equal_nan=True)
    assert torch.equal(torch.as_tensor(ours.emitted), torch.as_tensor(theirs.emitted))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("d", "n"), [(5.11, 100), (1.5, 10), (2.047, 1000)])
def test_the_gradient_is_one_from_zero_to_d_and_zero_elsewhere(
    backend: str, dtype: torch.dtype, d: float, n: int
) -> None:
    top = torch.tensor(d, dtype=dtype)
    low, infinite = torch.tensor(0.0, dtype=dtype), torch.tensor(math.inf, dtype=dtype)
    x = torch.stack([low - 1, low.nextafter(-infinite), low, top / 3, top, top.nextafter(infinite), top + 1])
    x = x.view(1, 1, -1).requires_grad_()
    neuron(backend, n, round(d * n), threshold=ONE.to(dtype))(x).sum().backward()
    assert x.grad is not None
    assert x.grad.flatten().tolist() == [0, 0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_output_and_gradient_are_those_of_the_published_recurrence(backend: str) -> None:
    class Published(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            spikes: list[Tensor] = []
            membrane = x[0]
            for t in range(len(x)):
                membrane = (membrane - spikes[-1].detach()) * 0.25 + x[t] if t else x[0]
                inside = membrane * ((membrane >= 0) & (membrane <= 4))
                spikes.append(inside + (membrane.clamp(0, 4).round() - inside).detach())
            return torch.stack(spikes)

    drive = 2 * noise(9, 4, 50)
    wanted, wanted_gradient = gradients(Published(), drive)
    output, gradient = gradients(neuron(backend, 1, 4, cls=IntegerNeuron), drive)
    torch.testing.assert_close(output, wanted, rtol=0, atol=1e-15)
    torch.testing.assert_close(gradient, wanted_gradient, rtol=1e-13, atol=1e-13)


@needs_native
@pytest.mark.parametrize("chunks", [(9,), (4, 5), (1, 3, 5)])
@pytest.mark.parametrize("shape", [(4, 6), (2, 6, 3, 5)])
def test_the_kernels_gradient_is_autograds_through_the_reference(
    chunks: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    drive = 2 * noise(9, *shape)
    scale = (noise(1, 6, *[1] * (len(shape) - 2), seed=1).abs() + 0.5).expand(1, 6, *[1] * (len(shape) - 2))
    results = [
        gradients(neuron(backend, 10, 15, threshold=scale, offset=0.1 * scale, initial=0.2 * scale), drive, chunks)
        for backend in ("reference", "native")
    ]
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-13, atol=1e-13)
    assert bool((results[0][1] != 0).any())


def test_the_scale_is_given_or_aligns_the_range() -> None:
    for method, wanted in (
        (IntegerBinaryRangeAlignment(), 1.0),
        (IntegerBinaryRangeAlignment(n=10, d=1.5, scale=None), 2.0),
        (IntegerLeakyIntegrateAndFire(scale=None, d=6), 0.5),
    ):
        observer = method.observer(SITE)
        observer.update(torch.tensor([[1.0, 3.0, 2.0]], dtype=torch.float64))
        stats = observer.stats()
        assert stats.threshold.item() == wanted
        if method.scale is None:
            largest = method.build(SITE, stats, 1)(torch.full((1, 1, 3), 3.0, dtype=torch.float64))
            assert bool((largest == 3.0).all())


def test_one_timestep_is_the_network_with_rounded_activations() -> None:
    class Rounded(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x * 100).round().clamp(0, 511) / 100

    def net(activation: type[nn.Module]) -> nn.Sequential:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(8, 32), activation(), nn.Linear(32, 32), activation(), nn.Linear(32, 4)).double()

    x = 6 * noise(16, 8)
    with torch.random.fork_rng():
        model = converted(captured(lambda: net(nn.ReLU), x), IntegerBinaryRangeAlignment(), x, 1)
        wanted = net(Rounded)(x)
    torch.testing.assert_close(model(x), wanted, rtol=0, atol=1e-12)


def test_the_closed_form_is_the_output_of_one_timestep() -> None:
    method = IntegerBinaryRangeAlignment(n=10, d=1.5)
    scale = torch.tensor(0.7, dtype=torch.float64)
    drive = noise(4, 100)
    output = method.build(SITE, SiteStats(scale), 1)(drive[None])[0]
    torch.testing.assert_close(method.quantise(drive.relu(), scale, 1), output, rtol=1e-14, atol=1e-14)


def test_the_preset_replaces_every_relu_at_one_timestep() -> None:
    (preset,) = snnfw_register_presets()
    assert preset.timesteps == 1
    assert [rule.neuron.name for rule in preset.layers] == ["ibra", "tracking"]
    assert preset.layers[0].neuron == IntegerBinaryRangeAlignment(n=100, d=5.11, scale=1.0)
    assert preset.converter.name == "direct"
