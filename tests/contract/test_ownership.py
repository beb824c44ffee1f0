"""A conversion owns what it runs, and everything that it runs with moves, converts and is stored with it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from networks import ConvNet, converted, estimated, noise, seeded
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.config.fields import build_dataclass
from snnfw.conversion.direct import Direct
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.registry import Registry
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep, Resources
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.lif import LeakyIntegrateAndFire
from snnfw_plugins.msat import MSAT, SpikeConfidence
from snnfw_plugins.tracking import Tracking

T = 4
REGISTRY = Registry()
X = noise(4, 3, 8, 8)
OPTIONS: dict[str, dict[str, Any]] = {
    "calibration": {"weights": True, "potential": True, "channel_wise": True, "iterations": 2},
    "msat": {"layers": "all", "early": 3, "drop_resets": True},
}
"""What makes each converter keep as much as it can."""


class WithSlope(ConvNet):
    """A network whose second activation has a learnt slope for each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.PReLU(8)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 5]."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.slope(self.bn2(self.conv2(x)) + x)
        return self.head(self.pool(x).mean((2, 3)))  # type: ignore[no-any-return]  # Linear


def network() -> nn.Module:
    return estimated(seeded(WithSlope), X).double()


@pytest.fixture(scope="module")
def graph() -> Graph:
    return capture(network(), (X,))


def model_of(graph: Graph, neuron: Neuron, converter: Any) -> SpikingModel:
    rules = (Rule("*", neuron, activation="relu"), Rule("*", Tracking()))
    return converter.convert(graph, place(graph, rules), [(X,)], T, Resources(backend="reference"))  # type: ignore[no-any-return]  # any converter


def standing(kind: str, name: str) -> Any:
    return build_dataclass(REGISTRY.find(kind, name), OPTIONS.get(name, {}) if kind == "converters" else {}, name, name)


METHODS = [
    *(("neuron", name) for name, neuron in REGISTRY.neurons.items() if "relu" in neuron.activations),
    *(("converter", name) for name in REGISTRY.converters),
]


@pytest.fixture(scope="module", params=METHODS, ids="-".join)
def pair(request: pytest.FixtureRequest, graph: Graph) -> tuple[SpikingModel, SpikingModel]:
    """Return a model of one method, and another one that differs from it in everything that calibration finds."""
    kind, name = request.param
    if kind == "neuron":
        neuron, converter = standing("neurons", name), Direct()
    else:
        neuron, converter = MSAT() if name == "msat" else IntegrateAndFire(), standing("converters", name)
    return model_of(graph, neuron, converter), model_of(graph, neuron, Direct())


def loose(model: nn.Module) -> Iterator[str]:
    """Yield tensors outside parameters, buffers, what a run forgets, and the record of what neurons were built from."""
    known = {"_parameters", "_buffers", "_modules", "_memories", "_memories_rv", "graph", "plan", "_made", "stats"}
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name not in known and any(isinstance(held, Tensor) for held in reachable(value)):
                yield f"{path}.{name}"


def reachable(value: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """Yield a value and what containers, functions and plain objects in it hold, modules left out."""
    seen = set() if seen is None else seen
    if id(value) in seen or isinstance(value, nn.Module | type) or type(value).__module__.startswith("torch."):
        return
    seen.add(id(value))
    yield value
    if not isinstance(value, Tensor):
        for held in gc.get_referents(value):
            if not isinstance(held, dict) or held is not getattr(value, "__globals__", None):
                yield from reachable(held, seen)


def test_every_tensor_is_a_buffer(pair: tuple[SpikingModel, SpikingModel]) -> None:
    assert list(loose(pair[0])) == []


def test_double_converts_everything(pair: tuple[SpikingModel, SpikingModel]) -> None:
    model = pair[0].float()
    kinds = {value.dtype for value in model.state_dict().values() if value.is_floating_point()}
    assert kinds == {torch.float32}
    assert model(X.float()).dtype == torch.float32
    assert {value.dtype for value in model.double().state_dict().values() if value.is_floating_point()} == {X.dtype}
    assert model(X).dtype == X.dtype


def test_a_stored_state_brings_the_outputs_back(pair: tuple[SpikingModel, SpikingModel]) -> None:
    model, other = pair
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(X), model(X))


def changed(model: nn.Module) -> None:
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.mul_(1.5)


@pytest.mark.parametrize("change", [changed, nn.Module.float])
def test_what_happens_to_one_leaves_the_others_alone(change: Any) -> None:
    net = network()
    graph = capture(net, (X,))
    model, second = (converted(graph, Tracking(), X, T) for _ in range(2))
    expected = {"network": net(X), "graph": graph(X), "model": model(X), "second": second(X)}
    change(second)
    found = {"network": net(X), "graph": graph(X), "model": model(X)}
    for name, output in found.items():
        assert torch.equal(output, expected[name]), name
    change(net)
    assert torch.equal(graph(X), expected["graph"])
    assert torch.equal(model(X), expected["model"])
    change(graph.module)
    assert torch.equal(model(X), expected["model"])


def test_weights_that_are_tied_stay_tied() -> None:
    net = nn.Sequential(first := nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU()).double().eval()
    net[2].weight = first.weight
    x = noise(4, 6)
    held = list(converted(capture(net, (x,)), IntegrateAndFire(), x, T).network.parameters())
    assert sorted(tuple(parameter.shape) for parameter in held) == [(6,), (6,), (6, 6)]


def test_one_of_two_models_learns_while_the_other_does_not() -> None:
    net = network()
    net.get_submodule("bn1").momentum = 0.1  # type: ignore[assignment]  # torch takes any attribute for a module
    graph = capture(net, (X,), trainable=True)
    plan = place(graph, (Rule("*", LeakyIntegrateAndFire(), activation="relu"), Rule("*", Keep())))
    learning, still = (Direct().convert(graph, plan, [(X,)], T, Resources(backend="reference")) for _ in range(2))
    expected = still(X)
    before = {name: value.clone() for name, value in net.named_buffers()}
    learning.train()
    still.eval()
    assert torch.equal(still(X), expected)
    learning(X).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())  # shared on purpose
    assert not torch.equal(before["bn1.running_mean"], net.get_buffer("bn1.running_mean"))


def test_a_model_that_was_converted_has_to_begin_again(graph: Graph) -> None:
    model = converted(graph, Tracking(), X, T)
    model.begin((X,))
    model.advance(1)
    model.float()
    with pytest.raises(Exception, match="has not begun: call begin"):
        model.advance(1)
    assert model(X.float()).dtype == torch.float32


def test_what_confidence_and_weights_found_is_stored(graph: Graph) -> None:
    weights = model_of(graph, IntegrateAndFire(), Calibration(weights=True, iterations=2))
    confident = model_of(graph, MSAT(), SpikeConfidence(layers="all"))
    assert any(name.startswith("deltas.") for name in weights.state_dict())
    assert {"key", "share", "early"} <= {name.rpartition(".")[2] for name in confident.state_dict()}
