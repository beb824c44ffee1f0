"""The network that is trained computes what its layers and neurons do by hand, and its gradients are theirs."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.training.network import TrainingNetwork, mean_over_time, split_timesteps
from snnfw.values import Resources, Site, SiteStats
from snnfw_plugins.lif import LeakyIntegrateAndFire

T = 3


class Net(nn.Module):
    """Two spiking layers with a pooling and a sum in between."""

    def __init__(self, pool: bool = False) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.pool = pool
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)) + x)
        if self.pool:
            x = F.max_pool2d(x, 2)
        return self.head(x.mean((2, 3)))  # type: ignore[no-any-return]  # Linear


def training_network(net: nn.Module, x: Tensor, neuron: Neuron) -> TrainingNetwork:
    graph = capture(net, (x[:2],), trainable=True)
    model = Direct().convert(graph, place(graph, (Rule("*", neuron),)), [(x,)], T, Resources())
    return TrainingNetwork(model)


def by_hand(net: Net, x: Tensor, method: LeakyIntegrateAndFire) -> Tensor:
    """Return the outputs [T, N, K] with every layer on T · N samples and every neuron in a loop over time."""

    def fire(drive: Tensor) -> Tensor:
        site = Site("s", "s", "relu", torch.relu, (None, *drive.shape[2:]), 1)
        node = method.build(site, SiteStats(torch.ones(1, 1, 1, 1, dtype=drive.dtype)), T)
        states = node.begin(drive[0])
        outputs = []
        for step in drive:
            output, states = node.step(step, states)
            outputs.append(output)
        return torch.stack(outputs)

    first = net.bn1(net.conv1(x))
    spikes = fire(first.expand(T, *first.shape)).flatten(0, 1)
    drive = net.bn2(net.conv2(spikes)) + spikes
    out = fire(drive.unflatten(0, (T, -1))).flatten(0, 1)
    result: Tensor = net.head(out.mean((2, 3))).unflatten(0, (T, -1))
    return result


def test_outputs_and_gradients_are_those_of_a_loop_by_hand() -> None:
    x = noise(5, 2, 6, 6)
    net = seeded(Net).double().eval()
    twin = copy.deepcopy(net).train()
    method = LeakyIntegrateAndFire()
    network = training_network(net, x, method).train()
    assert isinstance(twin, Net)
    ours, theirs = network(x), by_hand(twin, x, method)
    torch.testing.assert_close(ours, theirs)
    assert ours.abs().sum() > 0
    weights = noise(*ours.shape, seed=3)
    (ours * weights).sum().backward()
    (theirs * weights).sum().backward()
    for (name, parameter), other in zip(net.named_parameters(), twin.parameters(), strict=True):
        assert parameter.grad is not None, name
        torch.testing.assert_close(parameter.grad, other.grad, msg=name)
    torch.testing.assert_close(net.get_buffer("bn2.running_mean"), twin.bn2.running_mean)


@pytest.mark.parametrize("pool", [False, True])
def test_a_trained_network_is_run_with_the_outputs_it_was_trained_with(pool: bool) -> None:
    x = noise(5, 2, 6, 6)
    net = seeded(lambda: Net(pool)).double().eval()
    network = training_network(net, x, LeakyIntegrateAndFire()).train()
    network(x).square().sum().backward()
    network.eval()
    graph = capture(net, (x[:2],))
    plan = place(graph, (Rule("*", LeakyIntegrateAndFire()),))
    served = Direct().convert(graph, plan, [(x,)], T, Resources())
    with torch.no_grad():
        trained = network.model(x)
    torch.testing.assert_close(served(x), trained)


def test_the_spread_is_the_deviation_of_what_neurons_send_and_is_differentiated() -> None:
    x = noise(5, 2, 6, 6)
    net = seeded(Net).double().eval()
    assert isinstance(net, Net)
    built = training_network(net, x, LeakyIntegrateAndFire())
    net.train()
    network = TrainingNetwork(built.model).train()
    network.spreads = True
    outputs = network(x)
    spread = network.spread()
    assert torch.equal(outputs, TrainingNetwork(built.model).train()(x))

    first = net.bn1(net.conv1(x))
    method = LeakyIntegrateAndFire()
    node = method.build(
        Site("s", "s", "relu", torch.relu, (None, 6, 6), 1), SiteStats(torch.ones(1, 1, 1, 1).double()), T
    )
    states, sent = node.begin(first), []
    for _ in range(T):
        output, states = node.step(first, states)
        sent.append(output)
    deviation = torch.stack(sent).var(correction=0).sqrt()
    assert network._deviations[0].detach() == pytest.approx(float(deviation), abs=1e-6)
    assert float(spread.detach()) == pytest.approx(float(sum(network._deviations) / 2))
    spread.backward()
    assert net.conv1.weight.grad is not None
    assert net.conv1.weight.grad.abs().sum() > 0
    network.eval()
    network(x)
    with pytest.raises(SnnfwError) as caught:
        network.spread()
    assert str(caught.value) == "trainer.spread spreads what neurons send, and there are none: leave it out."


def test_time_is_the_first_dimension_of_what_is_read() -> None:
    x = noise(4, 2, 6, 6)
    network = training_network(seeded(Net).double().eval(), x, LeakyIntegrateAndFire()).train()
    outputs = network(x)
    assert outputs.shape == (T, 4, 3)
    torch.testing.assert_close(network.model.read(), mean_over_time(outputs))
    assert torch.equal(torch.stack(split_timesteps({"a": outputs})[1]["a"].unbind()), outputs[1])


def test_nothing_is_differentiated_outside_training() -> None:
    x = noise(4, 2, 6, 6)
    network = training_network(seeded(Net).double().eval(), x, LeakyIntegrateAndFire()).eval()
    assert not network.model(x).requires_grad
