"""Delta-coded networks as programs of one timestep: what is constant enters where no timestep went before."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from exported_networks import both, embedded, loop
from networks import (
    ConvNet,
    InnerBatch,
    MaskedAttention,
    SmallPointNet,
    captured,
    estimated,
    noise,
    seeded,
    small_vit,
)
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.exports.exporting import export_model
from snnfw.exports.loop import Compared, Step, compare_runs, run_model
from snnfw.exports.programs import build_programs
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron
from snnfw.simulate.settling import certify
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs, Resources
from snnfw_plugins.sigmadelta import SigmaDelta, delta_rules

ANYTIME = SigmaDelta(digits=1)
"""It is still sending after eight timesteps."""


class Gates(nn.Module):
    """A squeeze-and-excitation gate, and spikes beside currents."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.point, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1), nn.Linear(16, 4)
        self.squeeze, self.excite = nn.Linear(8, 4), nn.Linear(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.stem(x))
        z = self.point(y)
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(z.mean((2, 3))))))
        return self.head(F.relu(torch.cat([z * gate[:, :, None, None], y], 1)).mean((2, 3)))  # type: ignore[no-any-return]  # Linear


class Added(nn.Module):
    """Everything that an operator adds of its own: numbers, paddings, fillings, the input, and what is made of sizes."""

    hidden: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.both, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(11, 6, 3), nn.Linear(6, 4)
        self.register_buffer("hidden", torch.tensor([0.0] * 5 + [-torch.inf]))

    def forward(self, x: Tensor) -> Tensor:
        y = F.pad(torch.cat([F.relu(self.stem(x)), x], 1), (1, 0, 1, 0), value=0.3)
        y = F.avg_pool2d(F.gelu(self.both(y)) + 0.25, 3, 2, 1)
        y = torch.where(x[:, :1, ::3, ::3][:, :, :3, :3] > 0, y[:, :, :3, :3], torch.full_like(y[:, :, :3, :3], -0.7))
        y = y * 1.5 + y.new_ones(3) - x.new_ones(x.shape[0], 1, 1, 1) / 8
        y = y * (y.mean((2, 3)) + self.hidden).softmax(1)[:, :, None, None]
        return self.head(F.relu(y).mean((2, 3)))  # type: ignore[no-any-return]  # Linear


class Tree(nn.Module):
    """Several results: of a neuron, of what reads one, of the input alone, and a choice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> dict[str, object]:
        y = torch.relu(self.layer(x))
        return {"y": y, "more": [y.softmax(1), x * 2, x], "best": y.argmax(1)}


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "a residual sum, a batch norm, maximum pooling": (ConvNet, (3, 3, 8, 8)),
    "a gate, and a concatenation": (Gates, (3, 3, 8, 8)),
    "constants of every kind": (Added, (3, 3, 8, 8)),
    "a softmax, and samples within a dimension": (InnerBatch, (3, 5, 6)),
    "products of streams, and maxima": (SmallPointNet, (3, 3, 24)),
    "attention": (small_vit, (2, 3, 32, 32)),
    "attention behind masks of -inf": (MaskedAttention, (3, 5, 6)),
    "a tree of outputs": (Tree, (3, 6)),
}


@functools.cache
def graph_of(name: str) -> Graph:
    build, shape = NETWORKS[name]
    return captured(build, noise(*shape))


def delta(graph: Graph, x: Tensor, timesteps: int, neuron: Neuron = ANYTIME, temporal: bool = False) -> SpikingModel:
    plan = place(graph, delta_rules(neuron), temporal=temporal)
    return Direct().convert(graph, plan, [(x,)], timesteps, Resources())


def assert_equal(steps: Iterator[tuple[Step, Step]]) -> list[int]:
    """Hold every spike against the model's and outputs to 12 digits; return how many neurons fired in each timestep."""
    fired = []
    for (outputs, spikes), (theirs, others) in steps:
        assert all(torch.equal(own, other) for own, other in zip(spikes, others, strict=True))
        assert all(bool(own.isfinite().all()) for own in outputs)
        torch.testing.assert_close(outputs, theirs, rtol=1e-12, atol=1e-12)
        fired.append(sum(int((own != 0).sum()) for own in spikes))
    assert fired[0]
    return fired


@pytest.mark.parametrize("timesteps", [1, 3, 8])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_loop_over_steps_equals_the_model(name: str, timesteps: int) -> None:
    graph, x = graph_of(name), noise(*NETWORKS[name][1])
    model = delta(graph, x, timesteps)
    assert model.plan.coding == "delta"
    fired = assert_equal(both(model, (x,)))
    assert timesteps == 1 or fired[1], "with one digit the second timestep has something to say"


@pytest.mark.parametrize("name", NETWORKS)
def test_frames_enter_as_changes(name: str) -> None:
    graph, shape = graph_of(name), NETWORKS[name][1]
    frames = noise(shape[0], 4, *shape[1:], seed=1)
    fired = assert_equal(both(delta(graph, frames, 4, temporal=True), (frames,)))
    assert all(fired)


class Whole(nn.Module):
    """A network of whole numbers, as event counts are."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.relu(self.first(x.double() / 4)))  # type: ignore[no-any-return]  # Linear


def test_frames_of_whole_numbers_are_taken_as_they_are() -> None:
    x = torch.arange(18).reshape(3, 6) % 5
    net = seeded(Whole).double().eval()
    graph, frames = capture(net, (x,)), torch.stack([x, x.flip(0), x.flip(1)], 1)
    model = delta(graph, frames, 3, SigmaDelta(levels=14, digits=None), temporal=True)
    assert_equal(both(model, (frames,)))
    each = torch.stack([net(frame) for frame in frames.unbind(1)])
    torch.testing.assert_close(model(frames), each.mean(0), rtol=0, atol=1e-4)


EMBEDDED = [
    "task=classification model=digits-resnet20",
    "task=classification model=digits-vgg",
    "task=detection model=scenes-yolo-silu",
    "task=segmentation",
    "task=pointcloud task.head=parts",
    "task=events",
    "task=speech",
]


@pytest.mark.parametrize("words", EMBEDDED)
def test_an_embedded_network_is_looped_spike_for_spike(words: str) -> None:
    model, inputs = embedded(f"{words} plugin=sigmadelta neuron.digits=1 task.batch=2 task.calibration=4", 1)
    for (outputs, spikes), (theirs, others) in both(model, inputs):
        assert all(torch.equal(own, other) for own, other in zip(spikes, others, strict=True))
        torch.testing.assert_close(outputs, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", ["signed", "binary", "unary"])
@pytest.mark.parametrize("digits", [1, 2, None])
def test_every_form_of_an_event_is_in_the_step(form: str, digits: int | None) -> None:
    graph, x = graph_of("a gate, and a concatenation"), noise(3, 3, 8, 8)
    neuron = SigmaDelta(form=form, digits=digits)  # type: ignore[arg-type]  # one of three words
    assert_equal(both(delta(graph, x, 3, neuron), (5 * x,)))


def test_programs_settle_at_the_quantised_network() -> None:
    graph, x = graph_of("a residual sum, a batch norm, maximum pooling"), noise(3, 3, 8, 8)
    model = delta(graph, x, 12, SigmaDelta(digits=2))
    seen = certify(model, (x,), 12)
    assert seen.settled is not None
    *_, before, last = loop(build_programs(model, (x,)), (x,))
    assert not any(bool(spikes.any()) for spikes in last[1])
    torch.testing.assert_close(last[0], before[0], rtol=0, atol=0)
    *_, whole = run_model(model, (x,), 12)
    torch.testing.assert_close(last[0], whole[0], rtol=1e-12, atol=1e-12)


def test_programs_are_the_models_of_another_number_of_samples_too() -> None:
    graph, x = graph_of("a gate, and a concatenation"), noise(7, 3, 8, 8)
    model = delta(graph, x, 3)
    programs = build_programs(model, (x[:2],))
    assert_equal(zip(run_model(model, (x,), 3), loop(programs, (x,)), strict=True))


FILES = [
    ("products of streams, and maxima", ".onnx", False),
    ("constants of every kind", ".onnx", True),
    ("a tree of outputs", ".onnx", True),
    ("a gate, and a concatenation", ".pt2", False),
    ("a tree of outputs", ".pt2", True),
]


@pytest.mark.parametrize(("name", "suffix", "temporal"), FILES)
def test_files_hold_delta_coding(name: str, suffix: str, temporal: bool, tmp_path: Path) -> None:
    build, shape = NETWORKS[name]
    shape = (shape[0], 3, *shape[1:]) if temporal else shape
    x = noise(*shape, seed=1).float()
    example = noise(*NETWORKS[name][1]).float()
    graph = capture(estimated(seeded(build), example).float(), (example,))
    model = delta(graph, x, 3, temporal=temporal)
    exported = export_model(model, tmp_path / f"net{suffix}", inputs=(x,))
    assert exported.flips <= 0.01 * exported.values


def test_nir_has_no_word_for_it(tmp_path: Path) -> None:
    graph, x = graph_of("a gate, and a concatenation"), noise(3, 3, 8, 8)
    with pytest.raises(SnnfwError) as caught:
        export_model(delta(graph, x, 3), tmp_path / "net.nir", inputs=(x,))
    assert str(caught.value) == (
        "the network is delta coded ('sigmadelta' at 'silu'), and NIR has no word for a neuron that sends changes: "
        "export it as onnx or torch, or convert it with neuron=if or lif."
    )
    assert not list(tmp_path.iterdir())


def deep() -> nn.Module:
    layers = [layer for _ in range(12) for layer in (nn.Linear(48, 48), nn.ReLU())]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=(2 / 48) ** 0.5)
    return nn.Sequential(*layers, nn.Linear(48, 3))


def test_ties_that_move_whatever_follows_are_told_from_another_network() -> None:
    """In 32 bits a value at a tie moves all behind it, which the network itself does for inputs a rounding away."""
    x = noise(64, 48).float()
    model = delta(capture(seeded(deep).eval(), (x,)), x, 1, SigmaDelta(levels=14, digits=None))

    def compare(change: float, share: float) -> Compared:
        def steps(inputs: Inputs) -> Iterator[Step]:
            moved = list(run_model(model, tuple(tensor * (1 + change) for tensor in inputs), 1))
            return (([output * (1 + share) for output in outputs], spikes) for outputs, spikes in moved)

        return compare_runs(model, steps, (x,))

    assert compare(0.0, 0.0).flips == 0
    moved = compare(1e-6, 0.0)
    assert moved.flips > 0.01 * moved.values
    for change, share in ((1e-2, 0.0), (1e-6, 1e-2)):
        with pytest.raises(SnnfwError, match="nothing was written"):
            compare(change, share)
