from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from networks import ConvNet, captured, converted, noise
from snnfw.capture.graph import BatchDim
from snnfw.config import resolve
from snnfw.errors import SnnfwError
from snnfw.kernels.choice import choose_backend
from snnfw.neurons.timefold import select
from snnfw.registry import Registry
from snnfw.values import Site, SiteStats
from snnfw_plugins import msat
from snnfw_plugins.integrate_and_fire.node import SoftResetNeuron
from snnfw_plugins.msat import MSAT
from snnfw_plugins.msat.functions import exponential, sigmoid, softplus
from snnfw_plugins.msat.node import MSATNeuron

SITE = Site("s", "s", "relu", torch.relu, (None, 3, 4), channel=1)
ONE = torch.tensor(1.0, dtype=torch.float64)

TABLE_2 = {
    "vgg16": MSAT(),
    "resnet20": MSAT(alpha=0.3, tau_mp=0.5, tau_rd=0.5),
    "resnet34": MSAT(alpha=1.0, tau_mp=0.5, tau_rd=0.5),
}
VARIANTS = {
    **TABLE_2,
    "k_i": MSAT(k_a=0.7, k_i=0.4, c=2.0),
    "dtt": MSAT(terms="dtt"),
    "det": MSAT(terms="det"),
    "raw": MSAT(units="raw"),
    "exact": MSAT(depolarisation="exact"),
    "burst": MSAT(phi=3),
}

every_variant = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)


def neuron(options: MSAT, threshold: float | Tensor = 1.0) -> MSATNeuron:
    return MSATNeuron(SiteStats(torch.as_tensor(threshold, dtype=torch.float64)), options)


def trace(inputs: list[float], maximum: float, options: MSAT) -> tuple[list[float], list[int], list[float]]:
    """Return outputs, spikes and thresholds of one neuron, in plain floats, as the page about MSAT writes them."""
    unit = maximum if options.units == "normalised" else 1.0
    potential, before, residuals, outputs, counts, thresholds = 0.0, 0.0, [], [], [], []  # type: ignore[var-annotated]  # of floats
    for t, current in enumerate(inputs, 1):
        charged = potential + current
        theta = maximum
        if t > 1:
            distance = (potential - sum(residuals) / len(residuals)) / unit
            bend = options.k_a * math.log(1 + math.exp(distance / options.k_i))
            dtt = options.alpha * distance - maximum / unit + bend
            rise = charged - before if options.depolarisation == "exact" else current
            det = math.exp(-rise / unit / options.c)
            level = {
                "both": options.tau_mp * dtt + options.tau_rd * det,
                "dtt": options.tau_mp * dtt,
                "det": options.tau_rd * det,
            }[options.terms]
            theta = maximum / (1 + math.exp(-level))
        count = min(max(math.floor(charged / theta), 0), options.phi)
        potential, before = charged - count * theta, charged
        residuals.append(potential)
        outputs.append(count * theta)
        counts.append(count)
        thresholds.append(theta)
    return outputs, counts, thresholds


@every_variant
@pytest.mark.parametrize("maximum", [1.0, 3.5])
def test_it_computes_the_trace_that_plain_arithmetic_gives(options: MSAT, maximum: float) -> None:
    drive = (0.4 + 0.6 * noise(24, 1, 16, seed=2)) * maximum
    module = neuron(options, maximum)
    output = module(drive)
    assert module.emitted is not None
    for index in range(16):
        outputs, counts, _ = trace(drive[:, 0, index].tolist(), maximum, options)
        assert output[:, 0, index].tolist() == pytest.approx(outputs, rel=1e-11, abs=1e-13)
        assert module.emitted[0, index] == sum(counts)
    assert output.any()


def test_the_first_timesteps_are_those_on_paper() -> None:
    drive = torch.tensor([0.5, 0.5, 0.5], dtype=torch.float64).view(3, 1)
    module = neuron(MSAT())
    # t = 1: θ = 1 > 0.5. t = 2: V = V_m, so the level is -1 + ln 2 + exp(-0.1). t = 3: V_m is the mean of two.
    second = 1 / (1 + math.exp(-(math.log(2) - 1 + math.exp(-0.1))))
    left = 1.0 - second
    distance = left - (0.5 + left) / 2
    level = 0.03 * distance - 1 + math.log1p(math.exp(distance)) + math.exp(-0.1)
    third = 1 / (1 + math.exp(-level))
    assert left + 0.5 >= third
    assert module(drive).flatten().tolist() == pytest.approx([0.0, second, third], rel=1e-12)


@every_variant
def test_the_threshold_lies_between_zero_and_vmax(options: MSAT) -> None:
    for maximum in (0.01, 1.0, 30.0):
        module = neuron(options, maximum)
        potential, residuals, rise = (100 * maximum * noise(1000, seed=k) for k in (1, 2, 3))
        for t in (1, 2, 50):
            height = module.height(potential, residuals, rise, torch.tensor(float(t), dtype=torch.float64))
            assert bool((height > 0).all())
            assert bool((height <= maximum).all())


def at_rest(options: MSAT, maximum: float) -> float:
    """Return θ(t) / Vmax after t - 1 timesteps of equal residuals, without input."""
    potential = torch.tensor([0.25], dtype=torch.float64)
    zero, time = torch.zeros_like(potential), torch.tensor(5.0, dtype=torch.float64)
    return float(neuron(options, maximum).height(potential, 4 * potential, zero, time)) / maximum


@pytest.mark.parametrize("maximum", [0.5, 1.0, 4.0])
def test_at_rest_the_threshold_has_its_closed_form(maximum: float) -> None:
    def logistic(level: float) -> float:
        return 1 / (1 + math.exp(-level))

    for options in TABLE_2.values():
        dtt = options.tau_mp * (options.k_a * math.log(2) - 1)
        assert at_rest(options, maximum) == pytest.approx(logistic(dtt + options.tau_rd), rel=1e-12)
        assert at_rest(replace(options, terms="dtt"), maximum) == pytest.approx(logistic(dtt), rel=1e-12)
        assert at_rest(replace(options, terms="det"), maximum) == pytest.approx(logistic(options.tau_rd), rel=1e-12)
    raw = logistic(math.log(2) - maximum + 1)
    assert at_rest(MSAT(units="raw"), maximum) == pytest.approx(raw, rel=1e-12)


def test_at_rest_raw_thresholds_collapse_where_activations_are_large() -> None:
    assert at_rest(MSAT(), 10.0) == at_rest(MSAT(), 1.0) == pytest.approx(0.667, abs=5e-4)
    assert at_rest(MSAT(units="raw"), 4.0) == pytest.approx(0.091, abs=5e-4)
    assert at_rest(MSAT(units="raw"), 10.0) < 4e-4


def levels(options: MSAT, distance: Tensor, rise: Tensor) -> Tensor:
    """Return what the sigmoid is taken of, for potentials of a distance above their mean."""
    residuals = -2 * distance  # with t = 3, V - V_m is twice the distance, and so divided by two here
    time = torch.tensor(3.0, dtype=torch.float64)
    return torch.logit(neuron(options).height(torch.zeros_like(distance), residuals, rise, time))


@pytest.mark.parametrize("options", TABLE_2.values(), ids=TABLE_2)
def test_the_tracking_threshold_rises_with_the_potential_with_the_slopes_of_the_paper(options: MSAT) -> None:
    options = replace(options, terms="dtt", tau_mp=1.0)
    distance = torch.linspace(-12, 12, 481, dtype=torch.float64)
    slopes = levels(options, distance, torch.zeros_like(distance)).diff() / 0.05
    assert bool((slopes > 0).all())
    assert float(slopes[0]) == pytest.approx(options.alpha, abs=1e-4)
    assert float(slopes[-1]) == pytest.approx(options.alpha + options.k_a / options.k_i, abs=1e-3)


def test_the_evoked_threshold_falls_as_the_input_rises() -> None:
    rise = torch.linspace(-5, 20, 501, dtype=torch.float64)
    level = levels(MSAT(terms="det"), torch.zeros_like(rise), rise)
    assert bool((level.diff() < 0).all())
    torch.testing.assert_close(level, torch.exp(-rise / 5), rtol=1e-5, atol=1e-9)
    assert bool((level > 0).all()), "evoked alone, the threshold stays above Vmax / 2"


@every_variant
def test_charge_is_conserved_whatever_the_thresholds_do(options: MSAT) -> None:
    drive, module = 0.5 + noise(50, 6, 5), neuron(options, 2.0)
    output = module(drive)
    torch.testing.assert_close(output.sum(0) + module.potential, drive.sum(0), rtol=1e-12, atol=1e-12)


def test_without_terms_it_is_integrate_and_fire_at_half_the_maximum_from_the_second_timestep() -> None:
    options, drive = MSAT(tau_mp=0.0, tau_rd=0.0), 0.5 * noise(30, 4, 6).abs()
    drive[0] = 0.0  # the first threshold is Vmax
    assert torch.equal(neuron(options, 2.0)(drive), SoftResetNeuron(SiteStats(ONE), 30)(drive))


@every_variant
def test_normalised_units_scale_with_the_network(options: MSAT) -> None:
    drive = 0.3 + noise(20, 4, 6)
    scaled = neuron(options, 8.0)(8 * drive) / 8
    assert torch.equal(scaled, neuron(options)(drive)) is (options.units == "normalised")


def test_an_exact_depolarisation_differs_once_a_spike_was_fired() -> None:
    drive = torch.tensor([0.6, 0.6, 0.6, 0.6], dtype=torch.float64).view(4, 1)
    ours, exact = neuron(MSAT())(drive), neuron(MSAT(depolarisation="exact"))(drive)
    assert torch.equal(ours[:2], exact[:2])
    assert ours[1] > 0
    assert exact[3] > ours[3] > 0, "after a spike the potential rises by less, which evokes a higher threshold"


@every_variant
def test_events_are_spikes_although_their_height_varies(options: MSAT) -> None:
    drive, module = 0.7 + noise(12, 4, 6), neuron(options)
    output = module(drive)
    assert module.emitted is not None
    assert len(set(output[output > 0].tolist())) > 20
    counted = sum(sum(trace(drive[:, i, j].tolist(), 1.0, options)[1]) for i in range(4) for j in range(6))
    assert module.emitted.sum() == counted
    if options.phi == 1:
        assert torch.equal(module.events(output).sum(0), module.emitted)


def test_a_burst_holds_at_most_phi_spikes() -> None:
    module = neuron(MSAT(phi=3))
    output = module(torch.full((2, 1, 1), 100.0, dtype=torch.float64))
    assert output[0] == 3.0
    assert module.emitted == 6


@every_variant
@pytest.mark.parametrize("backend", ["reference", "native"])
def test_chunked_and_compacted_runs_are_the_whole_run(options: MSAT, backend: str) -> None:
    if backend == "native" and choose_backend("auto", "cpu").name != "native":
        pytest.skip("there is no C compiler")
    drive, keep, place = 0.3 + noise(12, 5, 3, 4), torch.tensor([1, 4]), BatchDim(0)
    whole = neuron(options)(drive)
    module = neuron(options)
    module.backend, module.insists = backend, True
    parts = [module(drive[:1]), module(drive[1:5])]
    assert torch.equal(torch.cat(parts), whole[:5])
    module.keep(place, keep)
    assert torch.equal(module(drive[5:, keep]), whole[5:, keep])
    alone = neuron(options)
    alone(drive[:, keep])
    assert module.emitted is not None
    assert torch.equal(module.emitted, torch.as_tensor(alone.emitted))
    assert torch.equal(select(neuron(options)(drive)[3], place, keep), whole[3, keep])


def test_a_reset_clears_the_clock_the_mean_and_the_last_output() -> None:
    drive, module = 0.4 + noise(9, 3, 4), neuron(MSAT(depolarisation="exact", phi=2))
    first = module(drive)
    counted = module.emitted
    module.reset()
    assert all(getattr(module, name) is None for name in (*module.states, "emitted"))
    assert torch.equal(module(drive), first)
    assert torch.equal(torch.as_tensor(module.emitted), torch.as_tensor(counted))


def test_functions_are_the_true_ones() -> None:
    value = torch.linspace(-39, 39, 4001, dtype=torch.float64)
    for ours, true in (
        (exponential(value), torch.exp(-value)),
        (softplus(value), torch.log1p(torch.exp(value))),
        (sigmoid(value), torch.sigmoid(value)),
    ):
        torch.testing.assert_close(ours, true, rtol=1e-13, atol=1e-17)
    torch.testing.assert_close(sigmoid(value.float()), torch.sigmoid(value).float(), rtol=2e-5, atol=0.0)


def test_functions_stay_finite_and_positive_far_out() -> None:
    for dtype in (torch.float64, torch.float32):
        value = torch.tensor([-1e30, -1e3, 1e3, 1e30], dtype=dtype)
        for function in (exponential, softplus, sigmoid):
            assert bool((function(value) > 0).all())
            assert bool(torch.isfinite(function(value)).all())


def test_vmax_is_the_largest_activation_of_all_batches() -> None:
    observer = MSAT().observer(SITE)
    for peak in (3.0, 2.0):
        observer.update(torch.full((2, 3, 4), peak))
    assert observer.stats().threshold.flatten().tolist() == [3.0]


def test_a_network_of_it_approaches_the_network_that_it_came_from() -> None:
    images = noise(6, 3, 8, 8, seed=1)
    graph = captured(ConvNet, images)
    wanted = graph(images)
    model = converted(graph, MSAT(), images, 64)
    errors = []
    for timesteps in (4, 64):
        model.begin((images,))
        model.advance(timesteps)
        errors.append(float((model.read() - wanted).norm() / (wanted - wanted.mean(0)).norm()))
    assert errors[1] < errors[0] / 8


@pytest.mark.parametrize("current", [0.8, 1.0])
def test_the_evoked_threshold_alone_cuts_large_activations_and_the_tracking_one_gives_them_back(current: float) -> None:
    drive = torch.full((400, 1), current, dtype=torch.float64)
    alone, both = (neuron(MSAT(terms=terms))(drive).mean() for terms in ("det", "both"))
    ceiling = 1 / (1 + math.exp(-math.exp(-current / 5)))
    assert float(alone) == pytest.approx(ceiling, abs=2 / 400)
    assert current - 0.05 < float(both) < current


def registry() -> Registry:
    found = Registry()
    return found if "msat" in found.neurons else Registry(plugins=[msat])


REFUSED = [
    ("neuron.k_i=0", "neuron.k_i=0 is not allowed: it must be greater than 0."),
    ("neuron.c=-1", "neuron.c=-1 is not allowed: it must be greater than 0."),
    ("neuron.alpha=-0.1", "neuron.alpha=-0.1 is not allowed: it must be at least 0."),
    ("neuron.terms=mp", "neuron.terms=mp is not allowed: it must be 'both', 'dtt' or 'det'."),
    ("neuron.units=mV", "neuron.units=mV is not allowed: it must be 'normalised' or 'raw'."),
    ("neuron.phi=0", "neuron.phi=0 is not allowed: it must be at least 1."),
    ("converter.confidence=1.5", "converter.confidence=1.5 is not allowed: it must be at most 1."),
    ("converter.confidence=-1", "converter.confidence=-1 is not allowed: it must be at least 0."),
    ("converter.layers=first", "converter.layers=first is not allowed: it must be 'last' or 'all'."),
    ("converter.early=0", "converter.early=0 is not allowed: it must be at least 1."),
    ("converter.samples=0", "converter.samples=0 is not allowed: it must be at least 1."),
    ("converter.percentile=101", "converter.percentile=101 is not allowed: it must be at most 100."),
]


@pytest.mark.parametrize(("word", "message"), REFUSED)
def test_values_that_are_not_possible_are_refused(word: str, message: str) -> None:
    with pytest.raises(SnnfwError) as error:
        resolve(["task=classification", "neuron=msat", "converter=msat", word], registry())
    assert str(error.value) == message


def test_the_preset_is_the_paper_with_fewer_timesteps() -> None:
    config: Any = resolve(["task=classification", "plugin=msat"], registry())
    assert [(rule.match, rule.activation, rule.neuron.name) for rule in config.layers] == [
        ("*", "relu", "msat"),
        ("*", None, "tracking"),
    ]
    assert (config.converter.name, config.timesteps) == ("msat", 32)
