from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import noise, seeded
from snnfw import SnnfwError
from snnfw.capture.export import capture
from snnfw.conversion.direct import Direct
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep, Resources, Site, SiteStats
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.qcfs import Qcfs, snnfw_register_presets
from snnfw_plugins.qcfs.activation import QCFS, qcfs, with_qcfs

LAMBDA = 0.75
(PRESET,) = snnfw_register_presets()


class Floor(torch.autograd.Function):
    """Floor, straight through."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.floor()

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return gradients[0]


def straight_through(x: Tensor, threshold: Tensor, levels: int) -> Tensor:
    """Return the published activation, written in operators that autograd knows."""
    floor: Tensor = Floor.apply(torch.clamp(x / threshold, 0, 1) * levels + 0.5)
    return floor / levels * threshold


def network(*widths: int, levels: int = 4) -> nn.Module:
    """Return linear layers with QCFS between them, each with a threshold of its own."""

    def build() -> nn.Module:
        layers: list[nn.Module] = []
        for index, (before, after) in enumerate(pairwise(widths)):
            layers += [nn.Linear(before, after), QCFS(levels, 0.5 + 0.25 * index)]
        return nn.Sequential(*layers[:-1]).double().eval()

    return seeded(build)


def spiking(model: nn.Module, inputs: Tensor, timesteps: int) -> SpikingModel:
    graph = capture(model, (inputs,))
    return PRESET.converter.convert(graph, place(graph, PRESET.layers), [(inputs,)], timesteps, Resources())


@pytest.mark.parametrize("levels", [1, 3, 8])
@pytest.mark.parametrize("shape", [(64,), (2, 3, 4, 5), (1,)])
def test_value_and_gradients_are_those_of_the_straight_through_form(levels: int, shape: tuple[int, ...]) -> None:
    results = []
    for function in (qcfs, straight_through):
        x = noise(*shape).requires_grad_()
        threshold = torch.tensor(LAMBDA, dtype=torch.float64, requires_grad=True)
        y = function(x, threshold, levels)
        (y * torch.arange(1, y.numel() + 1).view_as(y)).sum().backward()
        results.append((y.detach(), x.grad, threshold.grad))
    for ours, wanted in zip(*results, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-13, atol=1e-13)


def test_gradients_at_and_beyond_the_limits_are_the_published_ones() -> None:
    x = torch.tensor([-1.0, 0.0, 0.25, 0.5, 2.0], dtype=torch.float64, requires_grad=True)
    threshold = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    y = qcfs(x, threshold, 1)
    assert y.tolist() == [0, 0, 0.5, 0.5, 0.5]
    (of_x,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
    assert of_x.tolist() == [0, 1, 1, 1, 0]
    of_threshold = [torch.autograd.grad(one, threshold, retain_graph=True)[0].item() for one in y]
    assert of_threshold == [0, 0, 0.5, 0, 1]


def test_the_operator_is_a_sound_custom_operator() -> None:
    torch.library.opcheck(qcfs, (noise(3, 4).requires_grad_(), torch.tensor(0.7, dtype=torch.float64), 4))


def test_a_few_steps_of_training_lower_the_loss_and_move_the_thresholds() -> None:
    model = seeded(lambda: nn.Sequential(nn.Linear(8, 16), QCFS(8, 2.0), nn.Linear(16, 3)))
    x, target = noise(32, 8).float(), noise(32, 3, seed=1).float().argmax(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(30):
        loss = F.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    assert model.get_parameter("1.threshold").item() != 2.0


@pytest.mark.parametrize("levels", [1, 4, 8, 64])
def test_a_constant_input_gives_exactly_the_activation_after_as_many_timesteps_as_levels(levels: int) -> None:
    threshold = torch.tensor(1.5, dtype=torch.float64)
    a = torch.arange(-256, 768, dtype=torch.float64).view(4, 256) / 256
    site = Site("act", "act", "qcfs", lambda x: qcfs(x, threshold, levels), (None, 256), 1, (threshold, levels))
    neuron = Qcfs().build(site, Qcfs().observer(site).stats(), levels)
    mean = neuron(a.expand(levels, *a.shape)).mean(0)
    boundary = (a * levels / threshold + 0.5) % 1 == 0
    assert bool(boundary.any())
    assert torch.equal((mean * levels / threshold).round(), (site.function(a) * levels / threshold).round())
    torch.testing.assert_close(mean, site.function(a), rtol=1e-14, atol=0)


@pytest.mark.parametrize("levels", [2, 4, 16])
def test_with_one_layer_of_activations_the_whole_network_is_exact(levels: int) -> None:
    model, inputs = network(6, 32, 5, levels=levels), noise(16, 6)
    torch.testing.assert_close(spiking(model, inputs, levels)(inputs), model(inputs), rtol=1e-12, atol=1e-12)


def test_the_first_layer_of_a_deep_network_is_exact_and_later_ones_are_not() -> None:
    model, inputs = network(6, 64, 64, 5, levels=16), 3 * noise(32, 6)
    converted = spiking(model, inputs, 16)
    means: list[Tensor] = []

    def visit(site: Site, neuron: nn.Module, drive: Tensor) -> Tensor:
        output: Tensor = neuron(drive)
        means.append(output.mean(0))
        return output

    converted.begin((inputs,))
    converted.advance(16, visit)
    first = model.get_submodule("1")(model.get_submodule("0")(inputs))
    torch.testing.assert_close(means[0], first, rtol=1e-12, atol=1e-12)
    second = model.get_submodule("3")(model.get_submodule("2")(first))
    assert not torch.allclose(means[1], second)


def test_more_timesteps_approach_the_network_of_as_many_levels() -> None:
    inputs = noise(16, 6)
    model = network(6, 32, 32, 5)
    errors = []
    for timesteps in (8, 64, 512):
        for module in model.modules():
            if isinstance(module, QCFS):
                module.levels = timesteps
        wanted = model(inputs)
        errors.append((spiking(model, inputs, timesteps)(inputs) - wanted).norm().item() / wanted.norm().item())
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 0.01


def test_thresholds_are_the_networks_whatever_the_data_and_the_converter() -> None:
    model, inputs = network(6, 32, 32, 5), noise(16, 6)
    graph = capture(model, (inputs,))
    plan = place(graph, PRESET.layers)
    for converter in (Direct(), Calibration(threshold="max", bias=False), Calibration(bias=False)):
        converted = converter.convert(graph, plan, [(100 * inputs,)], 4, Resources())
        found = [(float(neuron.threshold), float(neuron.initial)) for _, neuron in converted.site_neurons()]
        assert found == [(0.5, 0.25), (0.75, 0.375)]


def test_an_activation_that_is_kept_is_analog_and_exact() -> None:
    model, inputs = network(6, 32, 32, 5, levels=64), noise(16, 6)
    graph = capture(model, (inputs,))
    rules = (Rule("1", Qcfs()), Rule("3", Keep()))
    plan = place(graph, rules)
    assert [fate.kind for fate in plan.fates.values() if fate.operator == "qcfs"] == [Kind.SPIKING, Kind.READOUT]
    output = Direct().convert(graph, plan, [(inputs,)], 64, Resources())(inputs)
    torch.testing.assert_close(output, model(inputs), rtol=1e-12, atol=1e-12)


def relu_network() -> nn.Module:
    return seeded(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).double().eval())


@pytest.mark.parametrize(
    ("model", "rules", "message"),
    [
        (
            relu_network(),
            (Rule("*", Qcfs()),),
            "neuron 'qcfs' stands in for qcfs and not for the relu at '1': give that site a rule of its own, with "
            "neuron tracking or keep.",
        ),
        (
            relu_network(),
            PRESET.layers,
            "rule '* (qcfs)' places nothing: it matches none of the 1 sites (1 ...), whose activation is relu, not "
            "qcfs. Correct it, remove it, or say optional: true.",
        ),
        (
            network(6, 8, 3),
            (Rule("*", IntegrateAndFire()),),
            "neuron 'if' stands in for relu and not for the qcfs at '1': give that site a rule of its own, with neuron "
            "tracking or keep.",
        ),
    ],
)
def test_neurons_and_activations_that_do_not_belong_together_are_refused(
    model: nn.Module, rules: tuple[Rule, ...], message: str
) -> None:
    with pytest.raises(SnnfwError) as raised:
        place(capture(model, (noise(4, 6),)), rules)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("threshold", "shown"), [(torch.tensor(-0.25), "-0.25"), (torch.tensor([1.0, 2.0]), "[1.0, 2.0]")]
)
def test_a_threshold_that_is_not_one_positive_number_is_refused(threshold: Tensor, shown: str) -> None:
    site = Site("layer1.act", "act", "qcfs", torch.relu, (None, 2), 1, (threshold, 4))
    with pytest.raises(SnnfwError) as raised:
        Qcfs().build(site, SiteStats(torch.ones(1)), 4)
    assert str(raised.value) == (
        f"the QCFS at 'layer1.act' has the threshold {shown}: it must be one positive number. Train the network on, "
        "from a larger threshold or at a lower learning rate."
    )


@pytest.mark.parametrize(("levels", "threshold"), [(0, 1.0), (4, 0.0), (4, float("nan"))])
def test_an_activation_without_levels_or_threshold_is_refused(levels: int, threshold: float) -> None:
    with pytest.raises(SnnfwError) as raised:
        QCFS(levels, threshold)
    assert str(raised.value) == (
        f"QCFS needs at least one level and a positive threshold: got {levels} and {threshold}."
    )


def test_every_relu_module_is_replaced_and_a_network_without_one_is_refused() -> None:
    model = with_qcfs(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Sequential(nn.ReLU(), nn.Linear(2, 1))), 4, 2.0)
    assert [str(module) for module in model.modules() if isinstance(module, QCFS)] == [
        "QCFS(levels=4, threshold=2)",
        "QCFS(levels=4, threshold=2)",
    ]
    with pytest.raises(SnnfwError) as raised:
        with_qcfs(model)
    assert str(raised.value) == (
        "the network has no nn.ReLU module to replace: use QCFS() in its code where it calls relu() as a function."
    )
