from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from networks import ConvNet, InnerBatch, SmallPointNet, captured, noise
from snnfw.capture.graph import Graph
from snnfw.errors import SnnfwError
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Resources, Site
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.calibration.layers import find_layers
from snnfw_plugins.calibration.walk import Walk
from snnfw_plugins.calibration.weights import Descent, Problem, Sweep, calibrate_weights, fit_changes, straight_through
from snnfw_plugins.lif import LeakyIntegrateAndFire
from snnfw_plugins.tracking import Tracking

T = 4
CALIBRATION = Calibration(weights=True, bias=False, iterations=30, rate=3e-3)
DESCENT = Descent(iterations=30, rate=3e-3, seed=0)
NEURON = AdaFire(phi=2, signed=True)


class Residual(nn.Module):
    """Two convolutions whose sum drives one neuron, then a neuron of its own for each of two branches."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.main, self.skip = nn.Conv2d(6, 8, 3, padding=1), nn.Conv2d(6, 8, 1)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 4]."""
        x = F.relu(self.stem(x))
        x = F.relu(self.main(x) + self.skip(x))
        return self.head(F.max_pool2d(x, 2).mean((2, 3)))  # type: ignore[no-any-return]  # Linear


class Twice(nn.Module):
    """One layer called twice, and one called once."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.shared, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, 3]."""
        x = F.relu(self.shared(F.relu(self.first(x))))
        return self.head(F.relu(self.shared(x)))  # type: ignore[no-any-return]  # Linear


CASES: dict[str, tuple[type[nn.Module], Tensor]] = {
    "convolutions": (ConvNet, noise(40, 3, 8, 8)),
    "a residual sum": (Residual, noise(40, 3, 8, 8)),
    "a merged batch": (InnerBatch, noise(40, 5, 6)),
    "points": (SmallPointNet, noise(40, 3, 12)),
}


def uncalibrated(graph: Graph, inputs: Tensor, timesteps: int = T) -> SpikingModel:
    plan = place(graph, (Rule("*", NEURON),))
    return Calibration(bias=False).convert(graph, plan, [(inputs,)], timesteps, Resources())


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Graph, Tensor]:
    build, x = CASES[request.param]
    return captured(build, x[:4]), x


def error(model: SpikingModel, x: Tensor) -> float:
    return float((model(x) - model.graph(x)).square().mean())


@pytest.mark.parametrize("case", ["convolutions", "a residual sum", "points"], indirect=True)
def test_the_output_comes_closer_to_the_networks(case: tuple[Graph, Tensor]) -> None:
    graph, x = case
    model = uncalibrated(graph, x)
    before = error(model, x)
    calibrate_weights(model, (x,), DESCENT)
    assert model.deltas
    assert error(model, x) < 0.9 * before


def test_changes_lie_beside_the_network_and_can_be_taken_away(case: tuple[Graph, Tensor]) -> None:
    graph, x = case
    own = {name: value.clone() for name, value in graph.module.state_dict().items()}
    model = uncalibrated(graph, x)
    before = model(x)
    calibrate_weights(model, (x,), DESCENT)
    assert not torch.equal(model(x), before)
    assert all(torch.equal(value, own[name]) for name, value in graph.module.state_dict().items())
    model.deltas.clear()
    assert torch.equal(model(x), before)


def test_a_fresh_run_computes_what_the_fitting_run_did(case: tuple[Graph, Tensor]) -> None:
    """Layers are fitted while the network runs: later timesteps and later runs must see the same weights."""
    graph, x = case
    model = uncalibrated(graph, x)
    calibrate_weights(model, (x,), DESCENT)
    while_fitting = model.read()
    torch.testing.assert_close(model(x), while_fitting, rtol=0, atol=0)


def test_mean_streams_follow_from_the_neurons_mean_outputs(case: tuple[Graph, Tensor]) -> None:
    graph, x = case
    model = uncalibrated(graph, x)
    nodes = {node.name: node for node in graph.nodes}
    walk = Walk(graph, (x,), given=[site.node for site, _ in model.site_neurons()])
    compared = []

    def visit(site: Site, neuron: SpikingNeuron, drive: Tensor) -> Tensor:
        source = nodes[site.node].args[0]
        assert isinstance(source, fx.Node)
        torch.testing.assert_close(walk.value(source), drive.mean(0), rtol=1e-10, atol=1e-10)
        output: Tensor = neuron(drive)
        walk.values[nodes[site.node]] = output.mean(0)
        compared.append(site.name)
        return output

    model.begin((x,))
    model.advance(T, visit)
    assert compared == [site.name for site, _ in model.site_neurons()]
    (last,) = graph.output.all_input_nodes
    torch.testing.assert_close(walk.value(last), model.read(), rtol=1e-10, atol=1e-10)


@torch.no_grad()
def first_problem(graph: Graph, x: Tensor, close_to_itself: bool) -> Problem:
    model = uncalibrated(graph, x)
    sweep = Sweep(model, (x,), DESCENT)
    problem = sweep._problem(sweep.layers[0])
    return replace(problem, close=lambda current: current) if close_to_itself else problem


@pytest.fixture(scope="module")
def residual() -> tuple[Graph, Tensor]:
    return captured(Residual, noise(4, 3, 8, 8)), noise(40, 3, 8, 8)


def test_changed_is_the_operator_with_changed_weights(residual: tuple[Graph, Tensor]) -> None:
    graph, x = residual
    problem = first_problem(graph, x, close_to_itself=True)
    weight, bias = (0.1 * noise(*shape, seed=seed) for seed, shape in enumerate([(6, 3, 3, 3), (6,)]))
    stem = graph.module.get_parameter("stem.weight"), graph.module.get_parameter("stem.bias")
    changes = dict(zip(problem.layer.weights, (weight, bias), strict=True))
    wanted = F.conv2d(x, stem[0] + weight, stem[1] + bias, padding=1)
    torch.testing.assert_close(problem.current_after(changes), wanted, rtol=1e-12, atol=1e-12)


def test_the_gradient_is_that_of_the_squared_error(residual: tuple[Graph, Tensor]) -> None:
    """In closed form for a bias: d/db mean (x + b - o)² = 2 · mean over all of (x + b - o), per channel."""
    graph, x = residual
    problem = first_problem(graph, x, close_to_itself=True)
    changes = {node: 0.1 * noise(*node.meta["val"].shape) for node in problem.layer.weights}
    leaves = {node: change.clone().requires_grad_() for node, change in changes.items()}
    problem.loss(leaves).backward()
    residue = problem.current_after(changes) - problem.wanted
    bias = leaves[problem.layer.weights[1]].grad
    assert bias is not None
    torch.testing.assert_close(bias, 2 * residue.sum((0, 2, 3)) / residue.numel())
    assert torch.autograd.gradcheck(
        lambda *values: problem.loss(dict(zip(problem.layer.weights, values, strict=True)), torch.arange(2)),
        tuple(leaves.values()),
    )


def test_the_gradient_passes_the_closed_form_where_it_is_not_clipped(residual: tuple[Graph, Tensor]) -> None:
    graph, x = residual
    model = uncalibrated(graph, x)
    site, neuron = next(iter(model.site_neurons()))
    neuron.threshold = torch.tensor(0.5, dtype=torch.float64)
    close = straight_through(NEURON, neuron, site, T)
    current = torch.tensor([-0.5, 0.3, 0.99, 1.01, 7.0], dtype=torch.float64, requires_grad=True)
    output = close(current).flatten()
    output.sum().backward()
    assert torch.equal(output, NEURON.quantise(current.detach(), neuron.threshold, T))
    assert current.grad is not None
    assert current.grad.tolist() == [0.0, 1.0, 1.0, 0.0, 0.0]  # φ·θ = 1


def test_operators_that_drive_one_neuron_together_are_fitted_together(residual: tuple[Graph, Tensor]) -> None:
    graph, x = residual
    layers = find_layers(uncalibrated(graph, x))
    paths = [[graph.paths[operator.name] for operator in layer.operators] for layer in layers]
    assert paths == [["stem"], ["main", "skip"], ["head"]]
    assert [layer.site is not None for layer in layers] == [True, True, False]


def test_changes_that_do_not_help_are_not_kept(residual: tuple[Graph, Tensor]) -> None:
    graph, x = residual
    model = uncalibrated(graph, x)
    before = model(x)
    calibrate_weights(model, (x,), Descent(iterations=1, rate=1e6, seed=0))
    assert not model.deltas
    assert torch.equal(model(x), before)


def test_each_layers_objective_falls(residual: tuple[Graph, Tensor]) -> None:
    graph, x = residual
    problem = first_problem(graph, x, close_to_itself=False)
    problem = replace(problem, current=0.8 * problem.current - 0.1)  # what the layers before have got wrong
    found = fit_changes(problem, DESCENT)
    unchanged = {node: torch.zeros_like(change) for node, change in found.items()}
    assert problem.loss(found) < 0.25 * problem.loss(unchanged)
    assert all(torch.equal(found[node], again) for node, again in fit_changes(problem, DESCENT).items())


def test_weights_that_two_operators_share_are_left_out_aloud(caplog: pytest.LogCaptureFixture) -> None:
    x = noise(40, 6)
    model = uncalibrated(captured(Twice, x[:4]), x)
    graph = model.graph
    caplog.clear()
    calibrate_weights(model, (x,), DESCENT)
    assert caplog.messages == [
        f"snnfw: the weights of '{path}' are not calibrated: another operator reads them too."
        for path in ("shared", "shared")
    ]
    assert {name.split("_")[0] for name in model.deltas} <= {"first", "head"}
    assert error(model, x) < 0.8 * error(uncalibrated(graph, x), x)


def test_every_activation_with_a_closed_form_can_be_calibrated() -> None:
    class Smooth(Residual):
        def forward(self, x: Tensor) -> Tensor:
            x = F.silu(self.stem(x))
            return self.head(F.silu(self.main(x) + self.skip(x)).mean((2, 3)))  # type: ignore[no-any-return]  # Linear

    x = noise(40, 3, 8, 8)
    graph = captured(Smooth, x[:4])
    plan = place(graph, (Rule("*", Tracking(phi=2)),))
    plain = Calibration(bias=False).convert(graph, plan, [(x,)], T, Resources())
    fitted = CALIBRATION.convert(graph, plan, [(x,)], T, Resources())
    assert error(fitted, x) < 0.9 * error(plain, x)


def test_a_neuron_without_a_closed_form_is_refused(residual: tuple[Graph, Tensor]) -> None:
    graph, x = residual
    plan = place(graph, (Rule("*", LeakyIntegrateAndFire()),))
    with pytest.raises(SnnfwError) as caught:
        CALIBRATION.convert(graph, plan, [(x,)], T, Resources())
    assert str(caught.value) == (
        "weights=true needs neurons with a closed form (quantise), and the one at 'relu' has none. Say "
        "converter.weights=false, or place another neuron there."
    )
