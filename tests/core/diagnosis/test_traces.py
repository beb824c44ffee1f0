"""Single neurons are followed over time."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from networks import ConvNet, noise, seeded
from snnfw.capture.export import capture
from snnfw.conversion.direct import Direct
from snnfw.diagnosis.traces import NEURONS, NeuronTrace, trace_neurons
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Resources
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.sigmadelta import SigmaDelta
from snnfw_plugins.tracking import Tracking


def converted(net: nn.Module, x: torch.Tensor, neuron: Neuron, timesteps: int) -> SpikingModel:
    graph = capture(net.double().eval(), (x[:2],))
    return Direct().convert(graph, place(graph, (Rule("*", neuron, optional=True),)), [(x,)], timesteps, Resources())


def test_a_neuron_integrates_and_fires_as_by_hand() -> None:
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1)).double()
    with torch.no_grad():
        net.get_parameter("0.weight").copy_(torch.eye(2))
    x = torch.tensor([[0.5, 1.0], [0.25, 0.75]], dtype=torch.float64)
    model = converted(net, x, IntegrateAndFire(), 4)
    trace = trace_neurons(model, (x,), "1", [0, 1])
    assert (trace.site, trace.state) == ("1", "potential")
    slow, fast = trace.neurons
    assert (slow.index, slow.activation, slow.threshold) == (0, 0.5, 1.0)
    assert slow.sent == (0, 1, 0, 1)
    assert slow.potential == (0.5, 0, 0.5, 0)
    assert fast.sent == (1, 1, 1, 1)
    assert not model.samples


@pytest.mark.parametrize("neuron", [Tracking(), SigmaDelta(levels=2)])
def test_those_that_are_furthest_off_are_taken_where_nobody_says(neuron: Neuron) -> None:
    x = noise(3, 3, 8, 8)
    model = converted(seeded(ConvNet), x, neuron, 3)
    site = next(site.name for site, _ in model.site_neurons())
    count = model.graph.elements[next(site.node for site, _ in model.site_neurons())]
    every = trace_neurons(model, (x,), site, range(count)).neurons
    chosen = trace_neurons(model, (x,), site).neurons
    assert len(chosen) == NEURONS

    def error(neuron: NeuronTrace) -> float:
        total = sum(neuron.sent)
        return abs((total if model.coding.sends_changes else total / 3) - neuron.activation)

    worst = sorted((error(each) for each in every), reverse=True)[:NEURONS]
    assert sorted((error(each) for each in chosen), reverse=True) == pytest.approx(worst)


def test_frames_are_followed_in_the_order_of_time() -> None:
    x = noise(2, 4, 3, 8, 8)
    graph = capture(seeded(ConvNet).double().eval(), (x[:, 0],))
    for neuron in (Tracking(), SigmaDelta(levels=12)):
        plan = place(graph, (Rule("*", neuron, optional=True),), temporal=True)
        model = Direct().convert(graph, plan, [(x,)], 4, Resources())
        site = next(site.name for site, _ in model.site_neurons())
        trace = trace_neurons(model, (x,), site)
        assert all(len(each.sent) == 4 for each in trace.neurons)
        if model.coding.sends_changes:
            sent = [sum(each.sent) for each in trace.neurons]
            assert sent == pytest.approx([each.activation for each in trace.neurons], abs=1e-2)


def test_a_site_or_a_neuron_that_is_not_there_is_refused() -> None:
    x = noise(2, 3, 8, 8)
    model = converted(seeded(ConvNet), x, Tracking(), 2)
    with pytest.raises(SnnfwError, match="no site named 'relo'. Did you mean 'relu'"):
        trace_neurons(model, (x,), "relo")
    with pytest.raises(SnnfwError, match="has no neuron 512: it has 512, from 0 to 511"):
        trace_neurons(model, (x,), "relu", [512])
