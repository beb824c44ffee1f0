"""A delta-coded network as its user has it: calls in chunks, counts, and other neurons."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import snnfw
from networks import ConvNet, estimated, noise, seeded, small_vit
from snnfw.network.network import SpikingNetwork
from snnfw.values import Keep
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.sigmadelta import SigmaDelta, delta_rules

TIMESTEPS = 6


def images() -> Tensor:
    return noise(5, 3, 8, 8)


@pytest.fixture(scope="module")
def net() -> nn.Module:
    return estimated(seeded(ConvNet), images()).double()


@pytest.fixture
def snn(net: nn.Module) -> SpikingNetwork:
    return snnfw.convert(net, images(), layers=delta_rules(SigmaDelta(digits=2)), timesteps=TIMESTEPS)


def test_calls_in_chunks_and_steps_are_the_call(snn: SpikingNetwork) -> None:
    x = images()
    wanted, spikes, energy = snn(x), snn.spikes(), snn.energy()
    snn.memory = 1
    assert torch.equal(snn(x), wanted)
    assert (snn.spikes(), snn.energy()) == (spikes, energy)
    *_, last = snn.steps(x)
    assert torch.equal(last, wanted)
    assert snn.spikes() == spikes


def test_counts_stop_growing_once_it_has_settled(snn: SpikingNetwork, net: nn.Module) -> None:
    x = images()
    counted, errors = [], []
    for output in snn.steps(x):
        counted.append((snn.spikes(), snn.energy().accumulations))
        errors.append(float((output - net(x)).abs().max()))
    assert counted[-1] == counted[-2]
    assert counted[0] != counted[-1]
    assert errors[-1] < errors[0]
    rates = snn.rates()
    elements = {site.name: snn.model.graph.elements[site.node] for site, _ in snn.model.site_neurons()}
    assert rates == {name: value / (elements[name] * TIMESTEPS) for name, value in snn.spikes().items()}


def test_other_neurons_of_the_same_coding_can_be_placed(snn: SpikingNetwork, net: nn.Module) -> None:
    x = images()
    fine = snn.with_neuron("*", SigmaDelta(levels=14, digits=None))
    assert float((fine(x) - net(x)).abs().max()) < 0.1 * float((snn(x) - net(x)).abs().max())
    kept = snn.with_neuron("relu", Keep())
    assert kept.plan.coding == "delta"
    assert float((kept(x) - net(x)).abs().max()) < 0.1
    with pytest.raises(snnfw.SnnfwError, match="mixes two codings: .*'adafire' at 'relu' is rate coded"):
        snn.with_neuron("relu", AdaFire())


def test_encoders_are_changed_by_their_function() -> None:
    x = noise(3, 3, 32, 32)
    snn = snnfw.convert(seeded(small_vit).double().eval(), x, method="sigmadelta")
    changed = snn.with_neuron("*", SigmaDelta(levels=12), activation="identity")
    levels = {(p.site.activation == "identity", p.neuron.levels) for p in changed.plan.placements}  # type: ignore[union-attr]  # all have them
    assert levels == {(True, 12), (False, SigmaDelta().levels)}
    kept = snn.with_neuron("*", Keep(), activation="identity")
    assert kept.plan.spiking_share < snn.plan.spiking_share
