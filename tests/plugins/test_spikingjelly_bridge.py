from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import torch
from spikingjelly.activation_based import functional, neuron, surrogate
from spikingjelly.activation_based.ann2snn import Converter, RateCodingRecipe
from torch import Tensor, nn
from torch.nn import functional as F

import snnfw
from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.config import resolve
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.placement import place
from snnfw.values import Resources, Site, SiteStats
from snnfw_plugins import spikingjelly_bridge as bridge
from snnfw_plugins.spikingjelly_bridge import neurons
from snnfw_plugins.spikingjelly_bridge.recipe import VoltageThreshold

SITE = Site("relu", "relu", "relu", F.relu, (None, 6, 5), 1)
ALL = [pytest.param(method, id=method.name) for method in neurons.NEURONS]


@pytest.fixture
def in_double() -> Iterator[None]:
    """Compute in float64 by default, for SpikingJelly keeps its scales in the default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def registry() -> snnfw.Registry:
    bundled = snnfw.Registry()
    return bundled if "spikingjelly" in bundled.presets else snnfw.Registry(plugins=[bridge])


def resolved(*words: str) -> Any:
    return resolve(["task=classification", *words], registry())


def built(method: Any, threshold: float, **stats: Tensor) -> SpikingNeuron:
    found = SiteStats(torch.full((1, 1, 1), threshold, dtype=torch.float64), **stats)
    return method.build(SITE, found, 8)  # type: ignore[no-any-return]  # the protocol's


def theirs(method: Any) -> Any:
    """Return SpikingJelly's own node with the parameters that the method's fields name."""
    given = {field.name: getattr(method, field.name) for field in fields(method) if field.name != "v_threshold"}
    if "max_spike_count" in given:
        given["surrogate_function"] = surrogate.MultiLevelSpikeCount(given.pop("max_spike_count"))
    node = getattr(neuron, type(method).__name__)(v_threshold=1.0, **given)
    node.step_mode = "m"
    return node.eval()


@pytest.mark.parametrize("method", ALL)
def test_the_output_is_the_nodes_own_bit_for_bit(method: type[Any]) -> None:
    drive = 0.7 + noise(12, 3, 6, 5)
    wanted = theirs(method())(drive)
    assert torch.equal(built(method(), 1.0)(drive), wanted)
    assert torch.equal(built(method(), 4.0)(4 * drive), 4 * wanted)
    assert 0.02 < float((wanted != 0).double().mean()) < 0.98


@pytest.mark.parametrize("method", ALL)
def test_the_initial_potential_is_turned_into_the_nodes_own_unit(method: type[Any]) -> None:
    drive = noise(3, 6, 5)
    plain = built(method(), 4.0).begin(drive)
    moved = built(method(), 4.0, initial=torch.full((1, 1, 1), 2.0, dtype=torch.float64)).begin(drive)
    torch.testing.assert_close(moved[0], plain[0] + 2.0 * 1.0 / 4.0)
    assert all(map(torch.equal, moved[1:], plain[1:]))


@pytest.mark.parametrize("method", ALL)
def test_with_soft_reset_too_where_there_is_a_choice(method: type[Any]) -> None:
    if "v_reset" in {field.name for field in fields(method)}:
        soft = method(v_reset=None)
        drive = 0.7 + noise(12, 3, 6, 5)
        assert torch.equal(built(soft, 1.0)(drive), theirs(soft)(drive))
        assert not torch.equal(theirs(soft)(drive), theirs(method(v_reset=-0.25))(drive))


@pytest.mark.parametrize("method", ALL)
def test_the_defaults_are_spikingjellys(method: type[Any]) -> None:
    bare = getattr(neuron, method.__name__)()
    for field in fields(method):
        if field.name not in ("v_threshold", "init_tau", "max_spike_count"):
            assert getattr(method(), field.name) == getattr(bare, field.name), field.name


def test_parameters_reach_the_node() -> None:
    drive = 0.7 + noise(12, 3, 6, 5)
    method = neurons.LIFNode(tau=3.0, decay_input=False, v_reset=None)
    wanted = neuron.LIFNode(tau=3.0, decay_input=False, v_reset=None, step_mode="m")(drive)
    assert torch.equal(built(method, 1.0)(drive), wanted)
    assert not torch.equal(built(neurons.LIFNode(), 1.0)(drive), wanted)


def test_a_threshold_that_is_given_leaves_currents_and_potentials_as_they_are() -> None:
    drive = noise(12, 3, 6, 5)
    config = resolved("neuron=spikingjelly.QIFNode", "neuron.v_threshold=0.5", "neuron.v_reset=-1", "neuron.tau=4")
    method = config.layers[0].neuron
    observer = method.observer(SITE)
    observer.update(100 * drive[0])
    made = method.build(SITE, observer.stats(), 8)
    node = neuron.QIFNode(tau=4.0, v_threshold=0.5, v_reset=-1.0, step_mode="m")
    assert torch.equal(made(drive), 0.5 * node(drive))


def test_the_integer_neuron_says_how_many_events_a_timestep_holds() -> None:
    method = neurons.ILIFNode(max_spike_count=3)
    made = built(method, 0.5)
    output = made(torch.full((2, 3, 6, 5), 9.0, dtype=torch.float64))
    assert method.burst == 3
    assert torch.equal(made.events(output), torch.full_like(output, 3))


def test_gradients_flow_through_the_nodes_surrogate() -> None:
    drive = (0.7 + noise(6, 3, 6, 5)).requires_grad_()
    theirs(neurons.LIFNode())(drive).sum().backward()
    wanted, drive.grad = drive.grad, None
    built(neurons.LIFNode(), 1.0)(drive).sum().backward()
    assert wanted is not None
    assert drive.grad is not None
    torch.testing.assert_close(drive.grad, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["neuron=spikingjelly.LIFNode", "neuron.tau=1"],
            "neuron.tau=1 is not allowed: it must be greater than 1.",
        ),
        (
            ["neuron=spikingjelly.LIFNod"],
            "no neuron named 'spikingjelly.LIFNod'. Did you mean 'spikingjelly.LIFNode'? Registered: ",
        ),
        (
            ["neuron=spikingjelly.IFNode", "neuron.tau=2"],
            "neuron 'spikingjelly.IFNode' has no parameter 'tau'. Its parameters: v_threshold, v_reset.",
        ),
        (
            ["neuron=spikingjelly.QIFNode", "neuron.v_reset=2"],
            "neuron 'spikingjelly.QIFNode' is not possible with these values: v_reset=2 is not below the threshold, 1, "
            "and the resting potential, 0.",
        ),
        (
            ["neuron=spikingjelly.TernaryIFNode", "neuron.v_reset=-1"],
            "neuron 'spikingjelly.TernaryIFNode' is not possible with these values: v_reset=-1 is not between the "
            "thresholds, -1 and 1.",
        ),
        (
            ["plugin=spikingjelly", "converter.mode=most"],
            "converter.mode=most is not allowed: it must be 'max', or it must match ^\\d+(\\.\\d+)?%$, or it must be a "
            "number.",
        ),
        (
            ["plugin=spikingjelly", "converter.mode=120%"],
            "converter 'spikingjelly' is not possible with these values: mode=120% is above 100%.",
        ),
    ],
)
def test_what_spikingjelly_would_not_take_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(snnfw.SnnfwError) as raised:
        resolved(*words)
    assert str(raised.value).startswith(message)


def test_describing_the_neurons_imports_neither_torch_nor_spikingjelly() -> None:
    program = (
        "import sys\n"
        "from snnfw_plugins import spikingjelly_bridge as bridge\n"
        "from snnfw.config.usage import parameters\n"
        "[parameters(method) for method in bridge.NEURONS]\n"
        "sys.exit('torch' in sys.modules or 'spikingjelly' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603  # our own program


class Net(nn.Module):
    """A network that SpikingJelly's converter takes: ReLU modules, a residual sum, average pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.relu1 = nn.Conv2d(2, 6, 3, padding=1), nn.ReLU()
        self.pool = nn.AvgPool2d(2)
        self.conv2, self.bn2, self.relu2 = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()
        self.flatten, self.head = nn.Flatten(), nn.Linear(6 * 9, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 4]."""
        x = self.pool(self.relu1(self.conv1(x)))
        x = self.relu2(self.bn2(self.conv2(x)) + x)
        return self.head(self.flatten(x))  # type: ignore[no-any-return]  # Linear


CALIBRATION = [noise(8, 2, 6, 6, seed=seed) for seed in (1, 2, 3)]


def their_output(model: nn.Module, inputs: Tensor, timesteps: int, **recipe: Any) -> Tensor:
    converted = Converter(RateCodingRecipe(CALIBRATION, **recipe), device="cpu").convert(model)
    functional.set_step_mode(converted, "m")
    output: Tensor = converted(inputs.unsqueeze(0).repeat(timesteps, 1, 1, 1, 1)).mean(0)
    return output.detach()


@pytest.mark.parametrize(
    ("words", "recipe"),
    [
        ([], {"mode": "Max"}),
        (["converter.mode=99.9%"], {"mode": "99.9%"}),
        (["converter.mode=90%", "converter.momentum=0.5"], {"mode": "90%", "momentum": 0.5}),
        (["converter.mode=0.5"], {"mode": 0.5}),
        (["converter.channel_wise=true"], {"channel_wise": True}),
        (
            ["converter.channel_wise=true", "neuron=spikingjelly.HalfThresholdIFNode"],
            {"channel_wise": True, "half_threshold": True},
        ),
    ],
)
@pytest.mark.usefixtures("in_double")
def test_the_spiking_model_computes_what_spikingjellys_own_converter_makes(
    words: list[str], recipe: dict[str, Any]
) -> None:
    model, inputs = seeded(Net).double().eval(), noise(5, 2, 6, 6)
    wanted = their_output(model, inputs, 20, **recipe)
    config = resolved("plugin=spikingjelly", "timesteps=20", *words)
    graph = capture(model, (inputs,))
    batches = [(batch,) for batch in CALIBRATION]
    converted = config.converter.convert(graph, place(graph, config.layers), batches, config.timesteps, Resources())
    torch.testing.assert_close(converted(inputs), wanted, rtol=1e-9, atol=1e-9)
    assert (wanted - model(inputs)).abs().max().item() > 0.01


def test_a_percentile_of_too_many_activations_says_what_to_do() -> None:
    observer = VoltageThreshold(SITE, "99.9%", 0.1, channel_wise=False)
    with pytest.raises(snnfw.SnnfwError) as raised:
        observer.update(torch.zeros(1).expand(2**24 + 1, 1, 1))
    assert str(raised.value) == (
        "site 'relu' has 16777217 activations in a calibration batch, and a percentile of converter 'spikingjelly' "
        "takes at most 16777216: use smaller batches, or converter.mode=max."
    )


def test_a_layer_that_is_never_active_gets_a_threshold_and_stays_silent() -> None:
    observer = VoltageThreshold(SITE, "max", 0.1, channel_wise=False)
    observer.update(torch.zeros(2, 6, 5))
    assert float(observer.stats().threshold) == 1
