from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backends import BACKENDS, needs_native
from networks import ConvNet, captured, noise, seeded
from snnfw.capture.export import capture
from snnfw.capture.graph import BatchDim, Graph
from snnfw.conversion.activations import activations
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep, Resources, Site, SiteStats
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.msat import MSAT, SpikeConfidence
from snnfw_plugins.msat.chance import BITS, draw_numbers, random_keys
from snnfw_plugins.msat.confidence import count_spikes
from snnfw_plugins.msat.inactivated import InactivatedCounts
from snnfw_plugins.msat.node import MSATNeuron

PARTS = (slice(0, 16), slice(16, 24))
"""The two calibration batches."""

SITE = Site("s", "s", "relu", torch.relu, (None, 3, 40), channel=1)
STATS = SiteStats(torch.tensor(1.0, dtype=torch.float64))
EARLY = 5


def filtered(
    confidence: float, options: MSAT | None = None, drop_resets: bool = False, backend: str = "reference"
) -> MSATNeuron:
    """Return a neuron for activations [N, 3, 40] whose first spikes are filtered."""
    neuron = (options or MSAT()).build(SITE, STATS, EARLY)
    neuron.filter_early(confidence, EARLY, random_keys((None, 3, 40), torch.Generator().manual_seed(0)), drop_resets)
    neuron.backend, neuron.insists = backend, True
    return neuron


def drive(timesteps: int = 12, samples: int = 4) -> Tensor:
    return 0.4 + 0.5 * noise(timesteps, samples, 3, 40)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return captured(ConvNet, noise(4, 3, 8, 8))


def images(samples: int = 24, seed: int = 7) -> Tensor:
    return noise(samples, 3, 8, 8, seed=seed)


def converted(
    graph: Graph, options: SpikeConfidence, timesteps: int = 8, seed: int = 0, rules: tuple[Rule, ...] = ()
) -> SpikingModel:
    plan = place(graph, (*rules, Rule("*", MSAT(), optional=True)))
    return options.convert(graph, plan, [(images()[part],) for part in PARTS], timesteps, Resources(seed=seed))


def seen(graph: Graph, part: slice) -> dict[str, Tensor]:
    """Return the network's activations for one calibration batch."""
    return {site.name: activation for site, activation in activations(graph, (images()[part],))}


def msat_neurons(model: SpikingModel) -> dict[str, MSATNeuron]:
    return {site.name: neuron for site, neuron in model.site_neurons() if isinstance(neuron, MSATNeuron)}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("drop_resets", [False, True])
def test_full_confidence_changes_nothing(backend: str, drop_resets: bool) -> None:
    plain, neuron = MSAT().build(SITE, STATS, EARLY), filtered(1.0, drop_resets=drop_resets, backend=backend)
    assert torch.equal(neuron(drive()), plain(drive()))
    assert torch.equal(neuron.potential, plain.potential)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("phi", [1, 3])
def test_without_confidence_a_layer_is_silent_at_first_and_keeps_its_charge(backend: str, phi: int) -> None:
    neuron, current = filtered(0.0, MSAT(phi=phi), backend=backend), drive()
    output = neuron(current)
    assert not output[:EARLY].any()
    assert output[EARLY].any()
    torch.testing.assert_close(output.sum(0) + neuron.potential, current.sum(0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_any_confidence_keeps_the_charge(backend: str) -> None:
    neuron, current = filtered(0.4, backend=backend), drive()
    output = neuron(current)
    torch.testing.assert_close(output.sum(0) + neuron.potential, current.sum(0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_dropped_resets_lose_the_charge_of_the_spikes_that_do_not_pass(backend: str) -> None:
    current = drive(EARLY)
    neuron, plain = filtered(0.0, drop_resets=True, backend=backend), MSAT().build(SITE, STATS, EARLY)
    assert not neuron(current).any()
    lost = plain(current).sum(0)
    assert lost.any()
    torch.testing.assert_close(current.sum(0) - neuron.potential, lost, rtol=1e-12, atol=1e-12)


def test_early_spikes_pass_in_the_share_of_the_confidence() -> None:
    current = torch.full((40, 1, 3, 40), 5.0, dtype=torch.float64)
    neuron = MSAT().build(SITE, STATS, EARLY)
    neuron.filter_early(0.3, 40, random_keys((None, 3, 40), torch.Generator().manual_seed(0)))
    fired = (neuron(current) > 0).double()
    assert float(fired.mean()) == pytest.approx(0.3, abs=0.025)  # 4,800 draws: four standard deviations
    assert float(fired.mean(0).std()) == pytest.approx((0.3 * 0.7 / 40) ** 0.5, rel=0.25), "neurons draw independently"
    assert float(fired.mean((1, 2, 3)).std()) == pytest.approx((0.3 * 0.7 / 120) ** 0.5, rel=0.4), "and at each step"


def test_events_are_the_spikes_that_passed() -> None:
    neuron = filtered(0.4)
    output = neuron(drive())
    assert torch.equal(torch.as_tensor(neuron.emitted), (output > 0).double().sum(0))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("drop_resets", [False, True])
def test_chance_does_not_depend_on_chunks_on_those_that_left_or_on_the_batch(backend: str, drop_resets: bool) -> None:
    current, keep = drive(), torch.tensor([3, 1])
    whole = filtered(0.4, drop_resets=drop_resets)(current)
    neuron = filtered(0.4, drop_resets=drop_resets, backend=backend)
    assert torch.equal(torch.cat([neuron(current[:2]), neuron(current[2:3])]), whole[:3])
    neuron.keep(BatchDim(0), keep)
    assert torch.equal(neuron(current[3:, keep]), whole[3:, keep])
    assert torch.equal(filtered(0.4, drop_resets=drop_resets, backend=backend)(current[:, keep]), whole[:, keep])
    neuron.reset()
    assert torch.equal(neuron(current), whole)


@needs_native
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_native_draws_what_the_reference_draws(dtype: torch.dtype) -> None:
    current = drive().to(dtype)
    for phi in (1, 3):
        ours, theirs = (filtered(0.4, MSAT(phi=phi), backend=b).to(dtype) for b in ("native", "reference"))
        assert torch.equal(ours(current), theirs(current))
        assert torch.equal(torch.as_tensor(ours.emitted), torch.as_tensor(theirs.emitted))


def test_draws_are_those_of_the_published_hash() -> None:
    """Otherwise stored results and those of other machines would no longer be what a seed gives."""
    for key, timestep in ((0, 1), (1, 0), (12_345_678, 9), (2**24 - 1, 255)):
        word = (key * 0x9E3779B1 + timestep * 0x85EBCA77) % 2**32
        word = (word ^ word >> 16) * 0x7FEB352D % 2**32
        word = (word ^ word >> 15) * 0x846CA68B % 2**32
        assert int(draw_numbers(torch.tensor(key), torch.tensor(float(timestep)))) == (word ^ word >> 16) >> 8


def test_draws_are_evenly_spread_and_differ_between_neurons_and_timesteps() -> None:
    key = random_keys((None, 50, 40), torch.Generator().manual_seed(1))
    drawn = torch.stack([draw_numbers(key, torch.tensor(float(t))) for t in range(1, 17)]).double() / 2**BITS
    assert bool((drawn >= 0).all() & (drawn < 1).all())
    counts = torch.histc(drawn, 16, 0, 1)
    assert bool((counts - 2000).abs().max() < 4.5 * 2000**0.5)
    correlations = torch.corrcoef(drawn.flatten(1)) - torch.eye(16)
    assert correlations.abs().max() < 4.5 / 2000**0.5


def test_the_seed_decides_the_draws() -> None:
    one, again, other = (random_keys((None, 3, 4), torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert one.shape == (1, 3, 4)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_spikes_of_inactivated_neurons_are_counted_on_the_calibration_data(graph: Graph) -> None:
    model = converted(graph, SpikeConfidence(confidence=1.0))
    resources = Resources()
    counted = count_spikes(model, [(images()[part],) for part in PARTS], 6, 20, resources)
    inputs = (images()[:20],)
    model.begin(inputs)
    model.advance(6)
    emitted = {name: neuron.emitted for name, neuron in msat_neurons(model).items()}
    seen = {site.name: (site, value) for site, value in activations(graph, inputs)}
    for site, activation in (seen[name] for name in emitted):
        fired, silent = torch.as_tensor(emitted[site.name]) > 0, activation == 0
        assert counted[site.name] == InactivatedCounts(
            int((fired & silent).sum()), int((fired & ~silent).sum()), int(silent.sum()), activation.numel()
        )
    assert counted["relu#2"].wrong > 0


def test_small_memory_counts_the_same(graph: Graph) -> None:
    model = converted(graph, SpikeConfidence(confidence=1.0))
    whole, little = (count_spikes(model, [(images(),)], 6, 20, Resources(memory=memory)) for memory in (2**31, 1))
    assert whole == little


def test_the_ratios_are_those_of_the_paper() -> None:
    counted = InactivatedCounts(wrong=6, right=4, inactivated=60, neurons=100) + InactivatedCounts(0, 2, 20, 100)
    assert (counted.of_inactivated, counted.of_neurons) == (6 / 80, 6 / 200)
    assert (counted.right_of_neurons, counted.of_firing) == (6 / 200, 0.5)
    assert counted.confidence == 0.5


def test_where_nothing_fires_confidence_is_full() -> None:
    assert InactivatedCounts(0, 0, 10, 10).confidence == 1.0
    assert InactivatedCounts().of_inactivated == 0.0


def test_the_last_layer_is_filtered_with_the_confidence_measured(graph: Graph) -> None:
    first, last = msat_neurons(converted(graph, SpikeConfidence())).values()
    assert first.key is None
    assert first.inactivated is not None
    assert last.inactivated is not None
    assert 0 < last.confidence < 1
    assert last.confidence == pytest.approx(last.inactivated.confidence, abs=2**-24)
    assert last.early == 16
    assert torch.as_tensor(last.key).shape == (1, 8, 8, 8)


def test_all_layers_can_be_filtered_each_with_its_own_confidence_and_chance(graph: Graph) -> None:
    first, last = msat_neurons(converted(graph, SpikeConfidence(layers="all", early=4, drop_resets=True))).values()
    for neuron in (first, last):
        assert neuron.inactivated is not None
        assert neuron.confidence == pytest.approx(neuron.inactivated.confidence, abs=2**-24)
        assert (int(neuron.early), bool(neuron.drop_resets)) == (4, True)
    assert not torch.equal(torch.as_tensor(first.key), torch.as_tensor(last.key))


def test_counts_stop_at_the_early_timesteps_or_at_those_of_the_run(graph: Graph) -> None:
    def found(early: int, timesteps: int) -> InactivatedCounts | None:
        return list(msat_neurons(converted(graph, SpikeConfidence(early=early), timesteps)).values())[-1].inactivated

    assert found(16, 3) == found(3, 16) == found(3, 3)
    assert found(3, 16) != found(12, 16)


def test_a_confidence_that_is_given_is_used_and_nothing_counted(graph: Graph) -> None:
    first, last = msat_neurons(converted(graph, SpikeConfidence(confidence=0.25))).values()
    assert (first.key, last.confidence) == (None, 0.25)
    assert last.inactivated is None


def test_full_confidence_is_msat_without_a_filter(graph: Graph) -> None:
    x = images(seed=3)
    unfiltered = converted(graph, SpikeConfidence(confidence=1.0))
    assert all(neuron.key is None for neuron in msat_neurons(unfiltered).values())
    whole = unfiltered(x)
    for neuron in list(msat_neurons(unfiltered).values())[-1:]:
        neuron.filter_early(1.0, 16, random_keys((None, 8, 8, 8), torch.Generator()))
    assert torch.equal(unfiltered(x), whole)


def test_no_confidence_keeps_the_readout_silent_and_the_seed_decides_the_rest(graph: Graph) -> None:
    x = images(seed=3)
    silent = converted(graph, SpikeConfidence(confidence=0.0))(x)
    torch.testing.assert_close(silent, silent[:1].expand_as(silent))  # the bias of the head alone
    outputs = [converted(graph, SpikeConfidence(confidence=0.5), seed=seed)(x) for seed in (0, 0, 1)]
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_a_filtered_network_gives_the_same_in_chunks_and_to_samples_that_stay(graph: Graph) -> None:
    x, keep = images(seed=3), torch.tensor([2, 9, 20])
    model = converted(graph, SpikeConfidence(confidence=0.5), timesteps=12)
    whole = model(x)
    model.begin((x,))
    model.advance(5)
    model.keep(keep)
    model.advance(7)
    torch.testing.assert_close(model.read(), whole[keep], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(model(x[keep]), whole[keep], rtol=1e-12, atol=1e-12)


def test_vmax_can_be_a_percentile(graph: Graph) -> None:
    full, cut = (
        next(iter(msat_neurons(converted(graph, SpikeConfidence(percentile=p, confidence=1.0))).values())).threshold
        for p in (100.0, 90.0)
    )
    values = [seen(graph, part)["relu"] for part in PARTS]
    assert float(full) == max(float(value.max()) for value in values)
    assert float(cut) == pytest.approx(
        sum(float(value.flatten().sort().values[-(-value.numel() * 9 // 10) - 1]) for value in values) / 2, rel=1e-12
    )


def test_the_last_layer_is_the_last_that_has_the_neuron(graph: Graph) -> None:
    model = converted(graph, SpikeConfidence(), rules=(Rule("relu#2", IntegrateAndFire(percentile=90.0)),))
    (neuron,) = msat_neurons(model).values()
    assert neuron.key is not None
    other = next(n for s, n in model.site_neurons() if s.name == "relu#2")
    own = IntegrateAndFire(percentile=90.0).observer(graph.sites[1])
    for part in PARTS:
        own.update(seen(graph, part)["relu#2"])
    assert torch.equal(other.threshold, own.stats().threshold)


def test_a_network_without_the_neuron_is_converted_as_it_is(graph: Graph) -> None:
    model = converted(graph, SpikeConfidence(), rules=(Rule("relu", Keep()), Rule("relu#2", IntegrateAndFire())))
    assert not msat_neurons(model)
    assert model(images()).isfinite().all()


def test_what_was_counted_is_said(graph: Graph, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="snnfw"):
        model = converted(graph, SpikeConfidence(), timesteps=6)
    last = msat_neurons(model)["relu#2"].inactivated
    assert last is not None
    assert caplog.messages[-1] == (
        f"snnfw: within 6 timesteps {last.of_inactivated:.3f} of the inactivated neurons of 'relu#2' fire "
        f"({last.of_neurons:.3f} of all neurons, beside {last.right_of_neurons:.3f} that are active): "
        f"confidence {last.confidence:.3f}"
    )


def test_without_calibration_data_there_is_no_conversion(graph: Graph) -> None:
    plan = place(graph, (Rule("*", MSAT()),))
    with pytest.raises(SnnfwError, match=r"^there is no calibration data: give at least one batch\.$"):
        SpikeConfidence().convert(graph, plan, [], 8, Resources())


class Tokens(nn.Module):
    """Apply the activation where the batch is merged with the sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        n, length, _ = x.shape
        tokens = F.relu(self.first(x.reshape(n * length, 6)))
        return self.head(tokens.reshape(n, length, 8).mean(1))  # type: ignore[no-any-return]  # Linear


def test_samples_keep_their_chance_where_the_batch_is_merged_with_something_else() -> None:
    x, keep = noise(5, 4, 6), torch.tensor([3, 0])
    graph = capture(seeded(Tokens).double().eval(), (x,))
    plan = place(graph, (Rule("*", MSAT()),))
    model = SpikeConfidence(confidence=0.5).convert(graph, plan, [(x,)], 8, Resources())
    whole = model(x)
    torch.testing.assert_close(model(x[keep]), whole[keep], rtol=1e-12, atol=1e-12)
