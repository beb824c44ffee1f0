from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from exported_networks import both, embedded, loop
from networks import (
    ConvNet,
    InnerBatch,
    InPlaceReuse,
    MaskedAttention,
    SmallPointNet,
    captured,
    converted,
    noise,
    small_vit,
)
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.exports.loop import run_model
from snnfw.exports.programs import build_programs
from snnfw.exports.slots import Slot, linear_size, seed_of
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.registry import Registry
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.tracking import Tracking

NEURONS: dict[str, type[Any]] = dict(Registry().neurons)
STEPS = 5


def assert_equal(model: SpikingModel, x: Tensor) -> None:
    """Hold every output and every spike of the programs against the model, bit for bit."""
    fired = 0
    for (outputs, spikes), (theirs, others) in both(model, (x,)):
        assert all(torch.equal(own, other) for own, other in zip(spikes, others, strict=True))
        assert all(torch.equal(own, other) for own, other in zip(outputs, theirs, strict=True))
        fired += sum(int((own != 0).sum()) for own in spikes)
    assert fired


class Quantised(nn.Module):
    """A network trained with the quantised activation of QCFS."""

    def __init__(self) -> None:
        super().__init__()
        from snnfw_plugins.qcfs.activation import QCFS

        self.layers = nn.Sequential(nn.Linear(6, 8), QCFS(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # type: ignore[no-any-return]  # Sequential


def small(activation: str) -> nn.Module:
    if activation == "qcfs":
        return Quantised()
    function = {"relu": nn.ReLU, "silu": nn.SiLU}[activation]
    return nn.Sequential(nn.Linear(6, 8), function(), nn.Linear(8, 8), function(), nn.Linear(8, 3))


@pytest.mark.parametrize("name", NEURONS)
def test_a_loop_over_steps_equals_the_model_for_every_neuron(name: str) -> None:
    neuron = NEURONS[name]()
    activation = "qcfs" if name == "qcfs" else "relu"
    x = noise(3, 6)
    assert_equal(converted(captured(lambda: small(activation), x), neuron, x, STEPS), 6 * x)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "maximum pooling": (ConvNet, (3, 3, 8, 8)),
    "a tensor read again": (InPlaceReuse, (3, 3, 8, 8)),
    "a softmax, and samples within a dimension": (InnerBatch, (3, 5, 6)),
    "products of streams, and maxima": (SmallPointNet, (3, 3, 24)),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("neuron", [AdaFire(phi=2), Tracking()], ids=["adafire", "tracking"])
def test_a_loop_over_steps_equals_the_model_for_every_kind_of_operator(name: str, neuron: Any) -> None:
    build, shape = NETWORKS[name]
    x = noise(*shape)
    model = converted(captured(build, x), neuron, x, STEPS, Tracking())
    assert_equal(model, x)
    assert_equal_spikes(model, x[:1])


def assert_equal_spikes(model: SpikingModel, x: Tensor) -> None:
    """Hold every spike against the model's, and outputs up to what another layout in memory rounds."""
    for (outputs, spikes), (theirs, others) in both(model, (x,)):
        assert all(torch.equal(own, other) for own, other in zip(spikes, others, strict=True))
        torch.testing.assert_close(outputs, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("build", "shape"), [(small_vit, (2, 3, 32, 32)), (MaskedAttention, (3, 5, 6))])
def test_attention_has_equal_spikes(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    x = noise(*shape)
    assert_equal_spikes(converted(captured(build, x), Tracking(), x, 3), x)


class Several(nn.Module):
    """A tree of outputs: one with the input in it, one without a neuron, one twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> dict[str, object]:
        y = torch.relu(self.layer(x))
        return {"y": y, "more": [y.softmax(1), x * 2, x], "best": y.argmax(1), "again": y}


def test_every_output_of_a_tree_comes_out_under_its_name() -> None:
    x = noise(3, 3)
    model = converted(captured(Several, x), Tracking(), x, STEPS)
    assert build_programs(model, (x,)).outputs == (
        "output.y",
        "output.more.0",
        "output.more.1",
        "output.more.2",
        "output.best",
        "output.again",
    )
    assert_equal(model, x)


def test_inputs_that_vary_in_time_are_given_frame_by_frame() -> None:
    x = noise(3, 6)
    graph = captured(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), x)
    frames = noise(3, STEPS, 6, seed=1)
    plan = place(graph, (Rule("*", AdaFire()),), temporal=True)
    model = Direct().convert(graph, plan, [(frames,)], STEPS, Resources())
    programs = build_programs(model, (frames,))
    assert [slot.name for slot in programs.frames] == [slot.name for slot in programs.inputs]
    assert not programs.constants
    assert_equal(model, frames)


class MadeOfSizes(nn.Module):
    """Add ones that are made like a stream, once for each sample and once for all, and numbers of samples."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first(x))
        y = y + y.new_ones(8) + x.new_ones(x.shape[0], 1)
        return self.second(torch.relu(y - 0.5))  # type: ignore[no-any-return]  # Linear


@pytest.mark.parametrize("temporal", [False, True])
def test_what_is_made_of_sizes_is_in_the_step(temporal: bool) -> None:
    x = noise(3, STEPS, 6) if temporal else noise(3, 6)
    graph = captured(MadeOfSizes, noise(3, 6))
    plan = place(graph, (Rule("*", AdaFire()),), temporal=temporal)
    assert_equal(Direct().convert(graph, plan, [(x,)], STEPS, Resources()), x)


def test_deltas_and_kept_layers_are_in_the_step() -> None:
    x = noise(3, 3, 8, 8)
    graph = captured(ConvNet, x)
    rules = (Rule("relu", AdaFire()), Rule("relu#2", Keep()))
    model = Direct().convert(graph, place(graph, rules), [(x,)], STEPS, Resources())
    for node in graph.nodes:
        if node.op == "get_attr" and getattr(node.meta.get("val"), "shape", None) == (5,):
            model.deltas[node.name] = torch.arange(5.0, dtype=torch.float64)
    assert len(model.deltas)
    assert_equal(model, x)


def test_programs_are_the_models_of_another_number_of_samples_too() -> None:
    x = noise(7, 3, 8, 8)
    model = converted(captured(ConvNet, x), AdaFire(), x, STEPS)
    programs = build_programs(model, (x[:2],))
    for own, other in zip(run_model(model, (x,), STEPS), loop(programs, (x,)), strict=True):
        assert all(map(torch.equal, own[1], other[1]))


def test_building_programs_leaves_no_run_behind_and_the_weights_alone() -> None:
    x = noise(3, 3, 8, 8)
    model = converted(captured(ConvNet, x), AdaFire(), x, STEPS)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    build_programs(model, (x,))
    assert model.samples == 0
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_embedded_network_with_maximum_pooling_is_looped_bit_for_bit() -> None:
    model, (x,) = embedded("task=classification model=digits-vgg plugin=adafire", 2)
    assert_equal(model, x)


def test_states_that_begin_differently_for_each_sample_are_refused() -> None:
    first = torch.arange(6.0).reshape(3, 2)
    model = converted(captured(lambda: small("relu"), noise(3, 6)), AdaFire(), noise(3, 6), STEPS)
    place_of_samples = model.graph.where["relu"]
    with pytest.raises(SnnfwError, match=r"^state 'a\.potential' begins with values that differ from sample to sample"):
        seed_of(Slot("a.potential", first.dtype, (None, 2), place_of_samples), first)


def test_sizes_of_an_export_are_linear_in_the_number_of_samples() -> None:
    symbol: Any = object()
    assert linear_size(lambda n: 3 * n + 1, 5, "s") == 16
    assert linear_size(lambda n: 4, symbol, "s") == 4
    assert linear_size(lambda n: True, symbol, "s") is True
    with pytest.raises(SnnfwError, match="^the size 's' is no multiple of the number of samples"):
        linear_size(lambda n: n * n, symbol, "s")
