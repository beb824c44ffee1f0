from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from exported_networks import AverageVgg, make_exact
from networks import ConvNet, captured, converted, noise
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.exports.exporting import export_model
from snnfw.exports.loop import run_model
from snnfw.neurons.integrator import Integrator
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.registry import Registry
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.integrate_and_fire.node import SoftResetNeuron
from snnfw_plugins.lif import LeakyIntegrateAndFire
from snnfw_plugins.tracking import Tracking

STEPS = 8

Array = Any


class Numpy:
    """A second reading of NIR, by its own words alone, in numpy: a node asks for what it reads, last step's in a circle."""

    def __init__(self, file: Path, steps: int) -> None:
        self.graph = nir.read(file)
        self.potentials: dict[str, Array] = {}
        self.last: dict[str, Array] = {}
        self.steps = steps

    def run(self, x: Array) -> list[dict[str, Array]]:
        seen = []
        for _ in range(self.steps):
            now: dict[str, Array] = {"input": x}
            for name in self.graph.nodes:
                self.value(name, now, ())
            seen.append(now)
            self.last = now
        return seen

    def value(self, name: str, now: dict[str, Array], asking: tuple[str, ...]) -> Array:
        if name in asking:  # a circle
            return self.last.get(name, 0.0)
        if name not in now:
            sources = [source for source, target in self.graph.edges if target == name]
            parts = [self.value(source, now, (*asking, name)) for source in sources]
            now[name] = self.node(name, sum(parts[1:], parts[0]))
        return now[name]

    def node(self, name: str, x: Array) -> Array:
        node = self.graph.nodes[name]
        if isinstance(node, nir.I | nir.IF | nir.LI | nir.LIF):
            v = self.potentials.get(name, np.zeros_like(x))
            rise = node.r * x
            v = v + (rise if isinstance(node, nir.I | nir.IF) else (node.v_leak - v + rise) / node.tau)
            if isinstance(node, nir.I | nir.LI):
                self.potentials[name] = v
                return v
            z = (v > node.v_threshold).astype(x.dtype)
            self.potentials[name] = np.where(z == 1, node.v_reset, v)
            return z
        return LAYERS[type(node)](node, x)


def convolve(node: Any, x: Array) -> Array:
    images, weight, bias = (torch.from_numpy(value) for value in (x, node.weight, node.bias))
    return F.conv2d(images, weight, bias, tuple(node.stride), tuple(node.padding)).numpy()


def pool(node: Any, x: Array) -> Array:
    n, c, h, w = x.shape
    kh, kw = node.kernel_size
    assert tuple(node.kernel_size) == tuple(node.stride)
    return x[:, :, : h - h % kh, : w - w % kw].reshape(n, c, h // kh, kh, w // kw, kw).mean((3, 5))


LAYERS: Mapping[type, Callable[[Any, Array], Array]] = {
    nir.Conv2d: convolve,
    nir.AvgPool2d: pool,
    nir.Affine: lambda node, x: x @ node.weight.T + node.bias,
    nir.Linear: lambda node, x: x @ node.weight.T,
    nir.Scale: lambda node, x: x * node.scale,
    nir.Threshold: lambda node, x: (x > node.threshold).astype(x.dtype),
    nir.Flatten: lambda node, x: x.reshape(len(x), -1),
    nir.Output: lambda node, x: x,
}


def assert_read_back_equal(model: SpikingModel, file: Path, x: Tensor) -> None:
    """Hold every spike of the file, read and run by other means, against the model, and the mean of its outputs."""
    sites, fired, outputs = [site.name for site, _ in model.site_neurons()], set(), []
    theirs = Numpy(file, model.timesteps).run(x.numpy())
    for timestep, ((own, *_), spikes) in enumerate(run_model(model, (x,), model.timesteps), 1):
        outputs.append(theirs[timestep - 1]["output"])
        for site, spike in zip(sites, spikes, strict=True):
            assert np.array_equal(theirs[timestep - 1][site], spike.numpy()), (site, timestep)
            fired |= {site} if bool(spike.any()) else set()
        np.testing.assert_allclose(sum(outputs) / timestep, own.numpy(), rtol=1e-5, atol=1e-6)
    assert fired == set(sites)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_vgg_with_average_pools_on_digits_is_equal(dtype: torch.dtype, tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    x = torch.from_numpy(load_digits().images[:6]).unsqueeze(1) / 8
    graph = captured(AverageVgg, x)
    model = make_exact(converted(graph, IntegrateAndFire(percentile=95.0, channel_wise=True), x, STEPS)).to(dtype)
    exported = export_model(model, tmp_path / "net.nir", inputs=(x.to(dtype),))
    assert exported.flips == 0
    assert exported.files == (tmp_path / "net.nir",)
    assert_read_back_equal(model, tmp_path / "net.nir", x.to(dtype))
    read = nir.read(tmp_path / "net.nir")
    assert read.metadata["timesteps"] == STEPS
    assert read.metadata["dt"] == 1.0


class Residual(nn.Module):
    """Convolutions of several kinds, a sum, and a mean over the image."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, padding="same", bias=False)
        self.relu, self.head, self.last = nn.ReLU(), nn.Linear(4, 6), nn.Linear(6, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.first(x))
        x = self.relu(self.second(x) + x)
        return self.last(self.relu(self.head(x.mean((2, 3)))))  # type: ignore[no-any-return]  # Linear


METHODS: dict[str, Neuron] = {
    "if": IntegrateAndFire(percentile=90.0),
    "if with a shift": IntegrateAndFire(percentile=90.0, shift=True),
    "lif": LeakyIntegrateAndFire(threshold=0.25),
    "lif with a hard reset": LeakyIntegrateAndFire(threshold=0.25, reset="hard"),
}


def residual(neuron: Neuron, timesteps: int = STEPS) -> tuple[SpikingModel, Tensor]:
    x = (2 * noise(3, 2, 8, 8) * 64).round() / 64
    return make_exact(converted(captured(Residual, x), neuron, x, timesteps)), x


@pytest.mark.parametrize("name", METHODS)
def test_every_neuron_that_nir_has_words_for_is_equal(name: str, tmp_path: Path) -> None:
    model, x = residual(METHODS[name])
    assert export_model(model, tmp_path / "net.nir", inputs=(x,)).flips == 0
    assert_read_back_equal(model, tmp_path / "net.nir", x)


@pytest.mark.parametrize("name", METHODS)
def test_what_calibration_found_is_in_the_file(name: str, tmp_path: Path) -> None:
    model, x = residual(METHODS[name])
    for number, (_, neuron) in enumerate(model.site_neurons()):
        shape = [4, 1, 1] if number < 2 else [6]
        values = torch.arange(torch.Size(shape).numel(), dtype=torch.float64).reshape(shape)
        neuron.initial, neuron.offset = (values - 1) / 16, (2 - values) / 64
    bias = next(node for node in model.graph.nodes if node.name == "head_bias")
    model.deltas[bias.name] = torch.full((6,), 0.5, dtype=torch.float64)
    assert export_model(model, tmp_path / "net.nir", inputs=(x,)).flips == 0
    assert_read_back_equal(model, tmp_path / "net.nir", x)


def test_the_threshold_is_passed_where_ours_is_reached(tmp_path: Path) -> None:
    """Potentials that meet the threshold exactly fire: NIR's neurons fire above it alone."""
    x = torch.tensor([[0.25], [0.5], [1.0]], dtype=torch.float64).repeat(1, 3)
    identity = nn.Linear(3, 3, bias=False)
    nn.init.eye_(identity.weight)
    model = converted(
        captured(lambda: nn.Sequential(identity, nn.ReLU(), nn.Linear(3, 2)), x), IntegrateAndFire(), x, 8
    )
    assert export_model(model, tmp_path / "net.nir", inputs=(x,)).flips == 0
    (_, (neuron,)) = zip(*model.site_neurons(), strict=True)
    assert neuron.threshold.item() == 1.0
    spikes = [seen["1"][:, 0] for seen in Numpy(tmp_path / "net.nir", 8).run(x.numpy())]
    assert np.stack(spikes).sum(0).tolist() == [2.0, 4.0, 8.0]


def test_inputs_that_vary_in_time_are_read_frame_by_frame(tmp_path: Path) -> None:
    x = noise(3, 6)
    graph = captured(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), x)
    frames = noise(3, STEPS, 6, seed=1)
    plan = place(graph, (Rule("*", IntegrateAndFire()),), temporal=True)
    model = make_exact(Direct().convert(graph, plan, [(frames,)], STEPS, Resources()))
    assert export_model(model, tmp_path / "net.nir", inputs=((frames * 64).round() / 64,)).flips == 0


def chain(*layers: nn.Module) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), *layers)


class Twice(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x * 2


HEAD = (
    "it holds convolutions, linear layers, average pools, flattening, sums and neurons that fire once at a threshold."
)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "maximum pooling": (
        chain(nn.MaxPool2d(2), nn.Conv2d(4, 4, 1), nn.ReLU()),
        f"operator 'max_pool2d' at '2' cannot be said in NIR (NIR has no maximum): {HEAD}",
    ),
    "what stays analog": (
        chain(nn.Softmax(1), nn.Conv2d(4, 4, 1), nn.ReLU()),
        f"operator 'softmax' at '2' cannot be said in NIR (it stays analog): {HEAD}",
    ),
    "a readout that is not linear": (
        chain(nn.Flatten(), nn.LogSoftmax(1)),
        f"operator 'log_softmax' at '3' cannot be said in NIR (it has no such node): {HEAD}",
    ),
    "groups": (
        chain(nn.Conv2d(4, 4, 1, groups=4)),
        "operator 'conv2d' at '2' cannot be said in NIR: the shapes of NIR's convolutions know no groups.",
    ),
    "transposed convolutions": (
        chain(nn.ConvTranspose2d(4, 4, 1)),
        f"operator 'conv_transpose2d' at '2' cannot be said in NIR (it has no such node): {HEAD}",
    ),
    "padding to one side": (
        chain(nn.Conv2d(4, 4, 2, padding="same")),
        "operator 'conv2d' at '2' cannot be said in NIR: it pads more on one side than on the other.",
    ),
    "pools that pad": (
        chain(nn.AvgPool2d(2, padding=1)),
        "operator 'avg_pool2d' at '2' cannot be said in NIR: NIR does not say how an average pool counts what is padded.",
    ),
    "pools with windows of several sizes": (
        chain(nn.AdaptiveAvgPool2d(4)),
        "operator 'adaptive_avg_pool2d' at '2' cannot be said in NIR: its windows differ in size.",
    ),
    "linear layers on tokens": (
        chain(nn.Flatten(2), nn.Linear(36, 3)),
        "operator 'reshape' at '2' cannot be said in NIR: NIR flattens a sample as a whole.",
    ),
    "several outputs": (
        chain(Twice()),
        "the network has 1 inputs and 2 outputs: a graph of NIR is written for one of each.",
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_nir_has_no_words_for_is_refused_with_the_layer_and_the_reason(name: str, tmp_path: Path) -> None:
    build, said = NETWORKS[name]
    x = noise(3, 2, 8, 8)
    model = converted(captured(build, x), IntegrateAndFire(), x, STEPS)
    with pytest.raises(SnnfwError) as caught:
        export_model(model, tmp_path / "net.nir", inputs=(x,))
    assert str(caught.value) == said
    assert not list(tmp_path.iterdir())


def test_a_kept_layer_is_refused(tmp_path: Path) -> None:
    x = noise(3, 3, 8, 8)
    graph = captured(ConvNet, x)
    plan = place(graph, (Rule("relu", Keep()), Rule("relu#2", IntegrateAndFire())))
    with pytest.raises(SnnfwError, match=r"^operator 'relu' at 'relu' cannot be said in NIR \(it is kept as it is"):
        export_model(Direct().convert(graph, plan, [(x,)], STEPS, Resources()), tmp_path / "net.nir")


def test_a_constant_input_without_a_bias_to_go_to_is_refused(tmp_path: Path) -> None:
    x = noise(3, 2, 8, 8)
    build = chain(nn.AvgPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
    model = converted(captured(build, x), IntegrateAndFire(shift=True), x, STEPS)
    with pytest.raises(SnnfwError, match="^the neuron at '3' adds a constant to its input"):
        export_model(model, tmp_path / "net.nir")


@pytest.mark.parametrize("name", sorted(Registry().neurons))
def test_neurons_are_exported_equal_or_refused_by_name(name: str, tmp_path: Path) -> None:
    neuron = Registry().neurons[name]()
    if "relu" not in (neuron.activations or ("relu",)):
        pytest.skip("it stands in for another function")
    x = (noise(3, 6) * 16).round() / 16
    build = lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))  # noqa: E731  # a builder
    model = make_exact(converted(captured(build, x), neuron, x, STEPS))
    if name in ("if", "lif"):
        assert export_model(model, tmp_path / "net.nir", inputs=(8 * x,)).flips == 0
        return
    kind = type(model.neurons["relu"]).__name__
    said = rf"the neuron at '1', {kind}, cannot be said in NIR, whose neurons fire once"
    if model.plan.coding == "delta":
        said = rf"the network is delta coded \('{name}' at '1'\), and NIR has no word for a neuron that sends changes"
    with pytest.raises(SnnfwError, match=f"^{said}"):
        export_model(model, tmp_path / "net.nir", inputs=(x,))


def test_a_neuron_derived_from_a_known_one_is_not_taken_for_it() -> None:
    class Lazy(SoftResetNeuron):
        """Fires later."""

    x = noise(3, 6)
    model = converted(captured(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU()), x), IntegrateAndFire(), x, STEPS)
    (_, (neuron,)) = zip(*model.site_neurons(), strict=True)
    assert neuron.integrator() is not None
    neuron.__class__ = Lazy
    assert neuron.integrator() is None


def test_a_burst_of_one_is_no_integrator_and_neither_is_tracking() -> None:
    x = noise(3, 6)
    for method in (AdaFire(phi=1), Tracking()):
        model = converted(captured(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU()), x), method, x, STEPS)
        assert all(neuron.integrator() is None for _, neuron in model.site_neurons())


def test_a_file_that_says_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = residual(IntegrateAndFire())
    given = SoftResetNeuron.integrator

    def wrong(neuron: SoftResetNeuron) -> Integrator | None:
        form = given(neuron)
        return form and replace(form, threshold=0.5 * form.threshold)

    monkeypatch.setattr(SoftResetNeuron, "integrator", wrong)
    with pytest.raises(SnnfwError, match="differ between the export and the model"):
        export_model(model, tmp_path / "net.nir", inputs=(x,))
    assert not list(tmp_path.iterdir())
