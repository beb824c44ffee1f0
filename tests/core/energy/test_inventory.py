from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from networks import captured, converted, noise
from snnfw.energy.events import accumulations, spikes
from snnfw.energy.inventory import Inventory, Operation, take_inventory
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.values import Keep
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.ibra import IntegerBinaryRangeAlignment, IntegerLeakyIntegrateAndFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.lif import LeakyIntegrateAndFire
from snnfw_plugins.msat import MSAT
from snnfw_plugins.spikingjelly_bridge.neurons import IFNode, LIFNode, TernaryIFNode, TernaryLIFNode
from snnfw_plugins.tracking import Tracking


class Reading(nn.Module):
    """A layer that reads the spikes of a ReLU."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        read: Tensor = self.layer(torch.relu(x))
        return read


class Multiplied(nn.Module):
    """A product of a stream with what the network knows, in the words of an operator."""

    def __init__(self, product: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.product = product
        self.weight, self.bias = nn.Parameter(torch.ones(3, 2)), nn.Parameter(torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.product(torch.relu(x), self.weight, self.bias)


IMAGE, ROW = (2, 4, 6, 6), (2, 3)
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], dict[str, int], float]] = {
    "convolution": (
        lambda: nn.Conv2d(4, 6, 3, padding=1),
        IMAGE,
        {"inputs": 144, "outputs": 216, "weights": 216, "biases": 6, "kernel": 9, "channels": 6, "groups": 1},
        54,
    ),
    "strided, without bias": (
        lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
        IMAGE,
        {"inputs": 144, "outputs": 54, "weights": 216, "biases": 0, "kernel": 9, "channels": 6, "groups": 1},
        54,
    ),
    "depthwise": (
        lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4),
        IMAGE,
        {"inputs": 144, "outputs": 144, "weights": 36, "biases": 4, "kernel": 9, "channels": 4, "groups": 4},
        9,
    ),
    "transposed": (
        lambda: nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2),
        IMAGE,
        {"inputs": 144, "outputs": 864, "weights": 48, "biases": 6, "kernel": 4, "channels": 6, "groups": 2},
        12,
    ),
    "one dimension": (
        lambda: nn.Conv1d(4, 6, 5, padding=2),
        (2, 4, 9),
        {"inputs": 36, "outputs": 54, "weights": 120, "biases": 6, "kernel": 5, "channels": 6, "groups": 1},
        30,
    ),
    "linear": (
        lambda: nn.Linear(3, 5),
        ROW,
        {"inputs": 3, "outputs": 5, "weights": 15, "biases": 5, "kernel": 0, "channels": 0, "groups": 1},
        5,
    ),
    "matrix": (
        lambda: Multiplied(lambda x, weight, bias: x @ weight),
        ROW,
        {"inputs": 3, "outputs": 2, "weights": 6, "biases": 0},
        2,
    ),
    "matrix that is computed": (
        lambda: Multiplied(lambda x, weight, bias: x @ (weight * 2)),
        ROW,
        {"inputs": 3, "outputs": 2, "weights": 6, "biases": 0},
        2,
    ),
    "bias first": (
        lambda: Multiplied(lambda x, weight, bias: torch.addmm(bias, x, weight)),
        ROW,
        {"inputs": 3, "outputs": 2, "weights": 6, "biases": 2},
        2,
    ),
    "einsum": (
        lambda: Multiplied(lambda x, weight, bias: torch.einsum("ni,io->no", x, weight)),
        ROW,
        {"inputs": 3, "outputs": 2, "weights": 6, "biases": 0},
        2,
    ),
}


def inventory_of(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> Inventory:
    graph = captured(build, noise(*shape))
    return take_inventory(graph, place(graph, (Rule("*", IntegrateAndFire()),)))


@pytest.mark.parametrize("name", LAYERS)
def test_sizes_are_those_of_one_sample(name: str) -> None:
    build, shape, sizes, spread = LAYERS[name]
    operation = next(each for each in inventory_of(lambda: Reading(build()), shape).operations if each.macs)
    assert {key: getattr(operation, key) for key in sizes} == sizes
    assert (operation.events, operation.streams) == (True, (sizes["inputs"],))
    assert operation.spread == spread


def test_fan_out_turns_events_into_accumulations() -> None:
    x = noise(*IMAGE)
    model = converted(captured(lambda: Reading(nn.Conv2d(4, 6, 3, stride=2, padding=1)), x), AdaFire(), x, 4)
    model(x)
    (operation,) = take_inventory(model.graph, model.plan).operations
    (added,), (events,) = accumulations(model).values(), spikes(model).values()
    torch.testing.assert_close(added, events * operation.fan_out)


def test_a_product_of_two_streams_has_no_weights() -> None:
    class Attention(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x) @ torch.relu(-x).mT

    (operation,) = inventory_of(Attention, (2, 5, 3)).operations
    assert (operation.inputs, operation.outputs, operation.weights, operation.biases) == (30, 25, 0, 0)
    assert operation.macs == 5 * 5 * 3
    assert operation.fan_out == pytest.approx(75 / 30)


def test_two_streams_of_events_are_told_apart() -> None:
    """An element of either meets five of the other: 75 products of 15 elements each."""
    both = Operation("matmul", inventory_of(*LINEAR).operations[0].kind, 75, True, False, 30, 25, streams=(15, 15))
    assert both.fan_out == 5


LINEAR = (lambda: Reading(nn.Linear(3, 5)), ROW)


def test_neurons_are_counted_where_they_stand() -> None:
    graph = captured(lambda: nn.Sequential(nn.ReLU(), nn.Linear(3, 5), nn.ReLU()), noise(*ROW))
    plan = place(graph, (Rule("0", Keep()), Rule("2", AdaFire(signed=True))))
    (population,) = take_inventory(graph, plan).populations
    assert (population.site, population.neurons, population.payload, population.leaks) == ("2", 5, 2, False)
    assert population.coding == "rate"


PAYLOADS: dict[object, int] = {
    AdaFire(): 1,
    AdaFire(signed=True): 2,
    Tracking(): 2,
    MSAT(): 32,
    IntegerBinaryRangeAlignment(n=1, d=1): 1,  # one digit, or none
    IntegerBinaryRangeAlignment(n=1, d=7): 2,  # one of three digits, or none
    IntegerBinaryRangeAlignment(): 4,  # one of nine
    TernaryIFNode(): 2,
    TernaryLIFNode(): 2,
}


@pytest.mark.parametrize("neuron", PAYLOADS, ids=str)
def test_an_event_carries_what_names_it_among_those_that_there_are(neuron: object) -> None:
    assert getattr(neuron, "payload", 1) == PAYLOADS[neuron]


@pytest.mark.parametrize(
    ("neuron", "leaks"),
    [
        (LeakyIntegrateAndFire(), True),
        (IntegerLeakyIntegrateAndFire(), True),
        (IntegerLeakyIntegrateAndFire(leak=0), False),
        (IntegerBinaryRangeAlignment(leak=1), False),
        (LIFNode(), True),
        (IFNode(), False),
        (TernaryIFNode(), False),
        (IntegrateAndFire(), False),
    ],
    ids=str,
)
def test_neurons_say_whether_they_leak(neuron: object, leaks: bool) -> None:
    assert getattr(neuron, "leaks", False) is leaks
