"""Every site's error is split into parts that add up to it, and each part is what it says."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from networks import ConvNet, InnerBatch, captured, noise, seeded
from snnfw.capture.export import capture
from snnfw.conversion.activations import mean_activations
from snnfw.conversion.direct import Direct
from snnfw.diagnosis import Diagnosis, SiteError, split_errors
from snnfw.diagnosis.findings import OWN_PARTS, PARTS
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.simulate.measuring import watch_neurons
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.ibra import IntegerBinaryRangeAlignment
from snnfw_plugins.inflor import SoftResetIntegrateAndFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.lif import LeakyIntegrateAndFire
from snnfw_plugins.msat import MSAT
from snnfw_plugins.sigmadelta import SigmaDelta
from snnfw_plugins.tracking import Tracking

X = noise(6, 3, 8, 8)


def two_layers() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))


def converted(net: nn.Module, x: Tensor, neuron: Neuron, timesteps: int, temporal: bool = False) -> SpikingModel:
    """Return the spiking network of a network, thresholds from the same samples."""
    graph = capture(net.double().eval(), (x[:2, 0] if temporal else x[:2],))
    plan = place(graph, (Rule("*", neuron, optional=True),), temporal=temporal)
    return Direct().convert(graph, plan, [(x,)], timesteps, Resources())


def by_hand(model: SpikingModel, x: Tensor) -> dict[str, float]:
    """Return each site's relative error as its definition says it."""
    sent: dict[str, Tensor] = {}

    def visit(site, neuron, currents):  # type: ignore[no-untyped-def]
        output = neuron(currents)
        sent[site.name] = sent.get(site.name, 0) + output.sum(0)
        return output

    watch_neurons(model, (x,), model.timesteps, visit, 2**30)
    scale = 1 if model.coding.sends_changes else model.timesteps
    wanted = {site.name: a for site, a in mean_activations(model.graph, (x,), model.timesteps)}
    return {n: float((s / scale - wanted[n]).norm() / wanted[n].norm()) for n, s in sent.items()}


NEURONS: dict[str, Neuron] = {
    "if": IntegrateAndFire(percentile=80.0),
    "if, rounded": IntegrateAndFire(shift=True),
    "adafire": AdaFire(phi=2),
    "signed": AdaFire(phi=2, signed=True),
    "tracking": Tracking(phi=1),
    "sigmadelta": SigmaDelta(levels=3),
    "sigmadelta, one event": SigmaDelta(levels=3, digits=1),
    "msat": MSAT(),
    "srif": SoftResetIntegrateAndFire(scale=3.0),
    "ibra": IntegerBinaryRangeAlignment(),
    "lif": LeakyIntegrateAndFire(threshold=0.5),
}


@pytest.mark.parametrize("name", NEURONS)
def test_parts_add_up_to_the_error_that_is_measured(name: str) -> None:
    model = converted(seeded(ConvNet), X, NEURONS[name], 3)
    found = split_errors(model, [(X[:4],), (X[4:],)])
    measured = by_hand(model, X)
    assert [site.site for site in found.sites] == list(measured)
    for site in found.sites:
        assert site.error == pytest.approx(measured[site.site], rel=1e-9)
        assert sum(site.parts.values()) == pytest.approx(site.error, abs=1e-12)
        assert tuple(site.parts) == PARTS
        assert site.parts["frames"] == 0
    first, *_ = found.sites
    assert first.parts["before"] == pytest.approx(0, abs=1e-12)
    assert first.own == pytest.approx(first.error)
    assert found.samples == 6
    assert found.output > 0


def test_a_steady_current_is_clipped_and_floored_as_the_closed_form_says() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    with torch.no_grad():
        net.get_parameter("0.weight").copy_(torch.eye(4))
        net.get_parameter("0.bias").zero_()
    x = torch.tensor([[0.3, 0.6, 1.0, 1.75], [0.0, 0.25, 3.0, -1.0]], dtype=torch.float64)
    model = converted(net, x, IntegrateAndFire(), 4)
    neuron = next(neuron for _, neuron in model.site_neurons())
    neuron.threshold.fill_(1.0)
    site = split_errors(model, [(x,)]).sites[0]
    a = x.clamp_min(0)
    clipping, quantisation = a.clamp_max(1) - a, (a.clamp_max(1) * 4).floor() / 4 - a.clamp_max(1)
    error = clipping + quantisation
    scale = math.sqrt(float(error.square().sum() * a.square().sum()))
    assert site.parts["clipping"] == pytest.approx(float((error * clipping).sum()) / scale)
    assert site.parts["quantisation"] == pytest.approx(float((error * quantisation).sum()) / scale)
    assert site.parts["timing"] == pytest.approx(0, abs=1e-12)
    assert site.clipped == 2 / 8
    assert site.lost == 0
    assert (site.largest, site.active) == (3.0, 6 / 8)
    assert (site.threshold.count, site.threshold.smallest, site.threshold.largest) == (1, 1.0, 1.0)


def test_what_comes_from_before_is_what_the_network_makes_of_what_was_sent() -> None:
    net = two_layers()
    x = noise(7, 3)
    model = converted(net, x, AdaFire(phi=2, shift=False), 2)
    second = split_errors(model, [(x,)]).sites[1]
    sent: dict[str, Tensor] = {}
    model.begin((x,))
    model.advance(2, lambda site, neuron, drive: sent.setdefault(site.name, neuron(drive)))
    means = [stream.mean(0) for stream in sent.values()]
    with torch.no_grad():
        activation = net[:4](x)
        before = net[2](means[0]).relu() - activation
    error = means[1] - activation
    expected = float((error * before).sum() / (error.norm() * activation.norm()))
    assert second.parts["before"] == pytest.approx(expected)
    assert second.parts["operators"] == pytest.approx(0, abs=1e-12)


class Mixed(nn.Module):
    """A softmax between two activations: analog in rate coding, exact of what was sent, but not linear in it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, 2]."""
        return self.head(torch.relu(self.second(torch.relu(self.first(x)).softmax(-1))))  # type: ignore[no-any-return]


def test_weights_that_were_changed_in_the_spiking_network_are_an_error_of_the_operators() -> None:
    model = converted(seeded(ConvNet), X, SigmaDelta(levels=8), 1)
    before = split_errors(model, [(X,)])
    weights = dict(model.network.named_buffers()) | dict(model.network.named_parameters())
    with torch.no_grad():
        next(value for name, value in weights.items() if value.shape == (8, 8, 3, 3)).mul_(4)
    after = split_errors(model, [(X,)])
    assert abs(before.sites[1].parts["operators"]) < 1e-6
    assert not before.sites[1].is_bad
    assert after.sites[0].error == before.sites[0].error
    assert after.bad is not None
    assert (after.bad.site, after.bad.cause) == (after.sites[1].site, "operators")


@pytest.mark.parametrize("neuron", [Tracking(), SigmaDelta()])
def test_analog_operators_and_merged_batches_add_up_too(neuron: Neuron) -> None:
    for net, x in ((seeded(Mixed), noise(5, 4)), (seeded(InnerBatch), noise(5, 3, 6))):
        model = converted(net, x, neuron, 3)
        measured = by_hand(model, x)
        for site in split_errors(model, [(x,)]).sites:
            assert site.error == pytest.approx(measured[site.site], rel=1e-9)
            assert sum(site.parts.values()) == pytest.approx(site.error, abs=1e-12)


@pytest.mark.parametrize("neuron", [AdaFire(phi=2), SigmaDelta(levels=2)])
def test_frames_add_up_and_their_mean_is_a_part_of_its_own(neuron: Neuron) -> None:
    x = noise(4, 5, 3, 8, 8)
    model = converted(seeded(ConvNet), x, neuron, 5, temporal=True)
    found = split_errors(model, [(x,)])
    for site in found.sites:
        assert sum(site.parts.values()) == pytest.approx(site.error, abs=1e-12)
    assert (found.sites[0].parts["frames"] != 0) == (found.coding == "rate")
    if found.coding == "rate":
        measured = by_hand(model, x)
        assert [site.error for site in found.sites] == pytest.approx(list(measured.values()))


def test_pieces_of_a_batch_give_the_same_numbers() -> None:
    model = converted(seeded(ConvNet), X, AdaFire(), 3)
    whole, pieces = split_errors(model, [(X,)]), split_errors(model, [(X,)], memory=1)
    for one, other in zip(whole.sites, pieces.sites, strict=True):
        assert one.error == pytest.approx(other.error)
        assert one.parts == pytest.approx(other.parts, abs=1e-12)
    assert split_errors(model, [(X,), (X,)], samples=4).samples == 4


def test_nothing_to_look_at_is_refused() -> None:
    model = converted(seeded(ConvNet), X, AdaFire(), 3)
    with pytest.raises(SnnfwError, match="at least one sample"):
        split_errors(model, [])
    graph = captured(ConvNet, X[:2])
    kept = Direct().convert(graph, place(graph, (Rule("*", Keep()),)), [(X,)], 2, Resources())
    with pytest.raises(SnnfwError, match="has no neuron"):
        split_errors(kept, [(X,)])


def test_sites_that_are_silent_in_the_network_itself_are_no_error_of_the_conversion() -> None:
    net = seeded(two_layers)
    with torch.no_grad():
        net.get_parameter("2.bias").fill_(-100.0)
    x = noise(7, 3)
    found = split_errors(converted(net, x, AdaFire(phi=8), 4), [(x,)])
    assert found.sites[1].is_silent
    assert found.bad is None
    assert "Silent in the network itself" in str(found)
    assert "'3'" in str(found)


def test_decibels_and_shares_follow_from_the_errors() -> None:
    found = split_errors(converted(seeded(ConvNet), X, AdaFire(), 2), [(X,)])
    for site in found.sites:
        assert site.snr == pytest.approx(-20 * math.log10(site.error))
        assert site.parts[site.cause] == max(site.parts[part] for part in OWN_PARTS)
    plain = found.plain()
    assert [site["snr"] for site in plain["sites"]] == [site.snr for site in found.sites]
    assert isinstance(found, Diagnosis)
    assert isinstance(found.sites[0], SiteError)
