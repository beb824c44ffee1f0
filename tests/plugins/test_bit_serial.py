from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import captured, converted, noise
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.capture.sites import aten, overload_packet
from snnfw.capture.survey import operator_name
from snnfw.conversion.direct import Direct, build_spiking_model
from snnfw.energy.events import accumulations, spikes
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Resources, SiteStats
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.ibra import IntegerBinaryRangeAlignment
from snnfw_plugins.ibra.lowering import Role, lower
from snnfw_plugins.ibra.serving import BitSerial
from snnfw_plugins.sigmadelta import SigmaDelta

BINARY = IntegerBinaryRangeAlignment(n=1, d=15)
ORDERS: tuple[Literal["lsb", "msb"], ...] = ("lsb", "msb")


class Branches(nn.Module):
    """Residual sums, concatenation, every kind of pooling, gains, and consumers that share what they read."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.body, self.down = nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(6, 4, 3, padding=1)
        self.join, self.last = nn.Conv2d(16, 8, 3), nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 5] from [N, 3, 12, 12]."""
        first = F.relu(self.bn(self.stem(x)))
        second = F.relu(self.body(first) + first)
        third = F.relu(self.down(F.max_pool2d(first, 2)))
        joined = torch.cat([F.avg_pool2d(second + first, 2), third / 2, 0.5 * F.avg_pool2d(first, 2)], 1)
        fourth = F.relu(self.join(joined))
        fifth = F.relu(self.last(fourth)) + fourth
        pooled = torch.cat([F.adaptive_avg_pool2d(fifth, 1), F.adaptive_max_pool2d(fourth, 1)], 1)
        return self.head(pooled.flatten(1))  # type: ignore[no-any-return]  # Linear


class Whole(nn.Module):
    """A residual network of whole numbers: weights, biases and inputs are integers, pools halve or quarter."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.join, self.head = nn.Conv2d(8, 4, 1), nn.Linear(4, 3)
        generator = torch.Generator().manual_seed(0)
        for parameter in self.parameters():
            parameter.data = torch.randint(-3, 4, parameter.shape, generator=generator).float()

    def forward(self, x: Tensor) -> Tensor:
        first = F.relu(self.stem(x))
        second = F.relu(self.body(first) + first)
        third = F.relu(self.join(torch.cat([F.max_pool2d(first, 2), F.avg_pool2d(second, 2)], 1)))
        return self.head((third + F.max_pool2d(second, 2)).mean((2, 3)))  # type: ignore[no-any-return]  # Linear


def images(size: int = 12) -> Tensor:
    return noise(4, 3, size, size)


@cache
def graph_of(net: Callable[[], nn.Module]) -> Graph:
    return captured(net, images())


def served(
    net: Callable[[], nn.Module], neuron: Neuron, x: Tensor, timesteps: int, order: Literal["lsb", "msb"] = "lsb"
) -> tuple[SpikingModel, BitSerial]:
    model = converted(graph_of(net), neuron, x, timesteps)
    return model, BitSerial(model, order)


@cache
def whole() -> Graph:
    return capture(Whole().double().eval(), (noise(2, 2, 8, 8),))


@pytest.mark.parametrize("timesteps", [1, 3])
@pytest.mark.parametrize("neuron", [IntegerBinaryRangeAlignment(), IntegerBinaryRangeAlignment(n=10, d=1.5)], ids=str)
def test_the_output_is_that_of_the_integer_form(neuron: Neuron, timesteps: int) -> None:
    x = images()
    model, bits = served(Branches, neuron, x, timesteps)
    wanted = model(x)
    torch.testing.assert_close(bits(x), wanted, rtol=0, atol=1e-10)
    assert wanted.std(0).min() > 1e-3


@pytest.mark.parametrize("timesteps", [1, 4])
@pytest.mark.parametrize("order", ORDERS)
def test_in_whole_numbers_it_is_exact(order: Literal["lsb", "msb"], timesteps: int) -> None:
    x = (2 * noise(4, 2, 8, 8)).round()
    model = converted(whole(), BINARY, x, timesteps)
    wanted = model(x)
    assert torch.equal(BitSerial(model, order)(x), wanted)
    assert float(wanted.std(0).min()) > 0.1


@pytest.mark.parametrize("timesteps", [1, 3])
def test_the_highest_bit_first_gives_what_the_lowest_first_gives(timesteps: int) -> None:
    x = images()
    model, first = served(Branches, IntegerBinaryRangeAlignment(), x, timesteps)
    torch.testing.assert_close(BitSerial(model, "msb")(x), first(x), rtol=0, atol=1e-10)


def test_a_delta_coded_network_is_served_no_bits() -> None:
    model = converted(graph_of(Branches), SigmaDelta(), images(), 2)
    with pytest.raises(SnnfwError, match=r"^the network is delta coded: bits are served that say what a value is"):
        BitSerial(model)


def test_encoders_that_no_rule_takes_move_bits_along() -> None:
    model = converted(graph_of(Branches), BINARY, images(), 1)
    encoders = [node for node in model.graph.nodes if overload_packet(node) is aten.alias]
    behind = [node for node in encoders if node.name in model.plan.carriers]
    assert behind
    assert len(behind) < len(encoders)
    lowering = lower(model)
    for node in encoders:
        role = lowering.roles.get(node)
        assert role is (Role.MOVE if node in behind else Role.PLAIN if role else None)
        assert node not in behind or lowering.gains[node] == lowering.gains[node.all_input_nodes[0]]


def test_neurons_of_different_scales_keep_their_own_bits() -> None:
    x = images()
    graph = graph_of(Branches)
    coarse, fine = IntegerBinaryRangeAlignment(n=10, d=1.5), IntegerBinaryRangeAlignment()
    rules = (Rule("relu", coarse), Rule("relu#3", coarse), Rule("*", fine))
    model = Direct().convert(graph, place(graph, rules), [(x,)], 2, Resources())
    bits = BitSerial(model)
    torch.testing.assert_close(bits(x), model(x), rtol=0, atol=1e-10)
    assert bits.virtual_timesteps == 2 * 9
    gains = {node.name: worth for node, worth in bits.lowering.gains.items()}
    assert gains["relu"] == (0.1,)
    assert gains["cat"] == (0.0025, 0.0125, 0.025, 0.05)  # pools of four, and the gains of one half


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("timesteps", [1, 3])
def test_events_are_the_set_bits_that_energy_counts(order: Literal["lsb", "msb"], timesteps: int) -> None:
    x = images()
    model, bits = served(Branches, IntegerBinaryRangeAlignment(), x, timesteps, order)
    bits(x)
    model(x)
    assert list(bits.spikes) == list(spikes(model))
    for site, wanted in spikes(model).items():
        assert torch.equal(bits.spikes[site], wanted)
    charged = accumulations(model)
    assert bits.accumulations.keys() == charged.keys()
    behind_a_maximum = {"conv2d_2", "linear"}
    for node, wanted in charged.items():
        if node not in behind_a_maximum:
            torch.testing.assert_close(bits.accumulations[node], wanted, rtol=1e-12, atol=0)
    assert float(charged["conv2d_1"].min()) > 0


def test_behind_a_maximum_fewer_bits_are_sent_than_are_charged() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.two(F.max_pool2d(F.relu(self.one(x)), 2)))

    x = images()
    model, bits = served(Net, IntegerBinaryRangeAlignment(), x, 1)
    torch.testing.assert_close(bits(x), model(x), rtol=0, atol=1e-10)
    sent, charged = bits.accumulations["conv2d_1"], accumulations(model)["conv2d_1"]
    assert bool((sent < charged).all())
    assert bool((sent > 0.5 * charged).all())


def test_weights_take_in_the_scale_over_n_and_biases_are_added_once_each_timestep() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.head = nn.Linear(3, 3), nn.Linear(3, 4), nn.Linear(4, 2)
            nn.init.zeros_(self.two.weight)
            nn.init.constant_(self.two.bias, 0.875)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(F.relu(self.two(F.relu(self.one(x)))))  # type: ignore[no-any-return]  # Linear

    x = noise(4, 3)
    graph = captured(Net, x)
    plan = place(graph, (Rule("*", IntegerBinaryRangeAlignment(n=8, d=7.875)),))
    stats = {site.name: SiteStats(torch.tensor(0.5, dtype=torch.float64)) for site in graph.sites}
    model = build_spiking_model(graph, plan, stats, 3, Resources())
    weights = {node.name: (gain, weight) for (node, gain), weight in lower(model).weights.items()}
    given = dict(graph.module.named_parameters())
    assert torch.equal(weights["linear_1"][1], given["two.weight"] * 0.5 / 8)
    assert weights["linear_2"][0] == 0.5 / 8 / 3  # the readout reads the sum over three timesteps
    output = BitSerial(model)(x)
    torch.testing.assert_close(output, model(x), rtol=0, atol=1e-12)
    wanted = given["two.bias"] @ given["head.weight"].T + given["head.bias"]  # 0.875 fires as it is, every timestep
    torch.testing.assert_close(output, wanted.expand(4, 2), rtol=0, atol=1e-12)


def test_a_maximum_takes_integers_and_not_bits() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(1, 1)
            nn.init.ones_(self.head.weight)
            nn.init.zeros_(self.head.bias)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.head(F.max_pool1d(F.relu(x + 0.0), 2)))

    x = torch.tensor([[[1.0, 2.0]], [[4.0, 3.0]]], dtype=torch.float64)  # bit by bit the maxima would be 3 and 7
    model = converted(capture(Net().double().eval(), (x,)), BINARY, x, 1)
    assert BitSerial(model)(x).flatten().tolist() == [2.0, 4.0]


def test_roles_say_what_each_operator_does_with_bits() -> None:
    x = images()
    _, bits = served(Branches, IntegerBinaryRangeAlignment(), x, 1)
    roles: dict[str, list[Role]] = {}  # by operator, in order: the graph's own names change with torch
    for node, role in bits.lowering.roles.items():
        roles.setdefault(operator_name(node), []).append(role)
    assert roles["conv2d"] == [Role.WEIGH] * 4
    assert roles["add"][:2] == [Role.READ, Role.MOVE]  # a current and the identity's bits; bits of two neurons
    assert roles["max_pool2d"] == [Role.MAXIMUM]
    assert roles["avg_pool2d"] == [Role.SUM] * 2
    assert roles["mul"] == [Role.GAIN]
    assert roles["linear"] == [Role.WEIGH]


class Ending(nn.Module):
    """A neuron, something that reads its bits, and another neuron."""

    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.one, self.two, self.between = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), between

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.two(self.between(F.relu(self.one(x)))))


CANNOT: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "softmax": (lambda s: s.softmax(1), "operator 'softmax' at 'the top of the network' {}: it is not linear. {}"),
    "two streams": (
        lambda s: s * s.mean((2, 3), keepdim=True),
        "operator 'mul' at 'the top of the network' {}: it is not linear. {}",
    ),
    "gain per channel": (
        lambda s: s * torch.linspace(1, 2, 4).to(s).view(1, 4, 1, 1),
        "operator 'mul' at 'the top of the network' {}: it multiplies by a tensor: fold that into the weights that "
        "follow. {}",
    ),
    "uneven windows": (
        lambda s: F.adaptive_avg_pool2d(s, 5),
        "operator 'adaptive_avg_pool2d' at 'the top of the network' {}: its windows are of different sizes. {}",
    ),
    "smaller windows at the border": (
        lambda s: F.avg_pool2d(s, 3, 1, 1, count_include_pad=False),
        "operator 'avg_pool2d' at 'the top of the network' {}: its windows at the border are smaller (ceil_mode, "
        "count_include_pad). {}",
    ),
}


@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_absorb_the_scale_is_refused_by_name(name: str) -> None:
    between, message = CANNOT[name]
    x = images()
    model = converted(captured(lambda: Ending(between), x), IntegerBinaryRangeAlignment(), x, 1)
    with pytest.raises(SnnfwError) as caught:
        BitSerial(model)
    assert str(caught.value) == message.format(
        "cannot absorb what the bits that it reads are worth (1/N)",
        "Change the network there, or run it in integer form.",
    )


def test_a_maximum_over_different_scales_is_refused() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.three = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            first = F.relu(self.one(x))
            return F.relu(self.three(F.max_pool2d(F.relu(self.two(first)) + first, 2)))

    x = images()
    model = converted(captured(Net, x), IntegerBinaryRangeAlignment(scale=None), x, 1)
    with pytest.raises(SnnfwError, match="'max_pool2d' .* it compares the integers of neurons with different scales"):
        BitSerial(model)


def test_other_neurons_and_scales_per_channel_are_refused() -> None:
    x = images()
    graph = captured(lambda: Ending(lambda s: s), x)
    mixed = place(graph, (Rule("relu", IntegerBinaryRangeAlignment()), Rule("*", AdaFire())))
    with pytest.raises(SnnfwError) as caught:
        BitSerial(Direct().convert(graph, mixed, [(x,)], 1, Resources()))
    assert str(caught.value) == (
        "the neuron at 'relu#2' (adafire) fires no bits: only networks of ibra neurons are served so."
    )
    plan = place(graph, (Rule("*", IntegerBinaryRangeAlignment()),))
    stats = {site.name: SiteStats(torch.ones(1, 4, 1, 1, dtype=torch.float64)) for site in graph.sites}
    with pytest.raises(SnnfwError) as caught:
        BitSerial(build_spiking_model(graph, plan, stats, 1, Resources()))
    assert str(caught.value) == ("the neuron at 'relu' has a scale for each channel: convert with one for each layer.")
