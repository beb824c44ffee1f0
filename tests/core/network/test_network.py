from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

import snnfw
from networks import ConvNet, SmallPointNet, noise, seeded, small_vit
from snnfw.network.network import SpikingNetwork
from snnfw.planning.rules import Neuron, Rule
from snnfw.registry import Registry
from snnfw.values import Keep
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.lif import LeakyIntegrateAndFire

NEURONS = dict(sorted(Registry().neurons.items()))
WITHOUT_SLOPE = {"sigmadelta", "adafire", "if", "spikingjelly.ComplementaryLIFNode", "tracking"}
LABELS = torch.arange(6) % 5
TIMESTEPS = 8


def images(samples: int = 6) -> Tensor:
    """Return noise in eighths, of which sums are exact."""
    return (noise(samples, 3, 8, 8) * 8).round().div(8).float()


def convert(method: Any = "if", net: nn.Module | None = None, **given: Any) -> SpikingNetwork:
    net = net or seeded(ConvNet).float().eval()
    defaults: dict[str, Any] = {"timesteps": TIMESTEPS, "search": False, "exit": False, "converter": "direct"}
    return snnfw.convert(net, (images(), LABELS), method=method, **{**defaults, **given})


@torch.no_grad()
def dyadic(snn: SpikingNetwork) -> SpikingNetwork:
    """Round weights to 64ths and thresholds to powers of two, in float64, so that no sum is ever rounded."""
    for tensor in (*snn.model.network.parameters(), *snn.model.network.buffers()):
        tensor.copy_((tensor * 64).round() / 64)
    for _, neuron in snn.model.site_neurons():
        neuron.threshold.copy_(2 ** neuron.threshold.log2().round())
    return snn.double()


@pytest.fixture(scope="module")
def converted() -> SpikingNetwork:
    return dyadic(convert(AdaFire(phi=2)))


@pytest.fixture
def snn(converted: SpikingNetwork) -> SpikingNetwork:
    converted.model.forget()
    converted._last, converted.memory = None, 2**31
    return converted


def stands_in_for_relu(neuron: type[Neuron]) -> bool:
    return not neuron.activations or "relu" in neuron.activations


RELUS = [name for name, neuron in NEURONS.items() if stands_in_for_relu(neuron)]


@pytest.mark.parametrize("name", RELUS)
def test_chunks_and_steps_of_every_neuron_are_the_whole_run(name: str) -> None:
    snn = dyadic(convert(name))
    x, chunks = images(3).double(), []
    snn.model.begin((x,))
    snn.model.advance(TIMESTEPS)
    whole = snn.model.read()
    advance = snn.model.advance

    def counting(steps: int, *rest: Any) -> None:
        chunks.append(steps)
        advance(steps, *rest)

    snn.model.advance = counting  # type: ignore[method-assign, assignment]  # what a chunk holds
    step = snnfw.simulate.memory.bytes_per_step(snn.model) * len(x)
    for memory, expected in ((1, [1] * 8), (3 * step, [3, 3, 2]), (2**31, [8])):
        chunks.clear()
        snn.memory = memory
        assert torch.equal(snn(x), whole), memory
        assert chunks == expected
    outputs = list(snn.steps(x))
    assert len(outputs) == TIMESTEPS
    assert torch.equal(outputs[-1], whole)


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_any_batch_size_is_its_samples_one_by_one(snn: SpikingNetwork, samples: int) -> None:
    x = images(samples).double()
    assert torch.equal(snn(x), torch.cat([snn(sample[None]) for sample in x]))


def test_steps_are_the_outputs_of_shorter_runs(snn: SpikingNetwork) -> None:
    x = images(2).double()
    for timestep, output in enumerate(snn.steps(x), start=1):
        other = snnfw_run(snn, x, timestep)
        assert torch.equal(output, other), timestep


def snnfw_run(snn: SpikingNetwork, x: Tensor, timestep: int) -> Tensor:
    other = copy_of(snn)
    other.model.begin((x,))
    other.model.advance(timestep)
    output: Tensor = other.model.read()
    return output


def copy_of(snn: SpikingNetwork) -> SpikingNetwork:
    """Return another network with the same tensors."""
    other = convert(AdaFire(phi=2)).double()
    other.load_state_dict(snn.state_dict())
    return other


def test_steps_left_half_way_leave_counts_and_nothing_else(snn: SpikingNetwork) -> None:
    x = images(2).double()
    for timestep, _ in enumerate(snn.steps(x), start=1):
        seen = snn.spikes()
        if timestep == 3:
            break
    gc.collect()
    assert snn.model.samples == 0
    assert all(value in (None, 0) for _, neuron in snn.model.site_neurons() for value in neuron.memories())
    assert snn.spikes() == seen
    assert snn.energy().total > 0


def test_another_run_ends_steps_with_a_sentence(snn: SpikingNetwork) -> None:
    x = images(2).double()
    under_way = snn.steps(x)
    next(under_way)
    output = snn(x)
    with pytest.raises(snnfw.SnnfwError, match=r"has run on other inputs, or moved, while its steps were under way"):
        next(under_way)
    assert torch.equal(snn(x), output)
    other = snn.steps(x)
    next(other)
    snn.float().double()
    with pytest.raises(snnfw.SnnfwError, match="under way"):
        next(other)


COUNTED: dict[str, Callable[[], Any]] = {
    "adafire": lambda: AdaFire(phi=4),
    "if": IntegrateAndFire,
    "kept": lambda: [Rule("relu", Keep()), Rule("*", AdaFire())],
}


@pytest.mark.parametrize("name", COUNTED)
def test_counts_are_those_of_an_evaluation(name: str) -> None:
    snn = convert(COUNTED[name](), energy={"joules_per_spike": 1e-9})
    snn(images())
    spikes, rates, energy = snn.spikes(), snn.rates(), snn.energy()
    report = snnfw.evaluate(snn, (images(), LABELS), checkpoints=[TIMESTEPS])
    fired = [layer for layer in report.layers if layer.neuron != Keep.name]
    assert spikes == {layer.site: layer.spikes for layer in fired}
    assert rates == {layer.site: layer.rate for layer in fired}
    assert energy == report.checkpoints[-1].energy
    with pytest.raises(snnfw.SnnfwError, match=r"last run is gone: it was evaluated"):
        convert_and_lose()


def convert_and_lose() -> None:
    snn = convert()
    snn(images())
    snnfw.evaluate(snn, (images(), LABELS))
    snn.spikes()


def test_steps_read_the_output_each_time() -> None:
    snn, x = moved("positions")
    snn(x)
    once, spikes = snn.energy(), snn.spikes()
    for _ in snn.steps(x):
        pass
    assert snn.spikes() == spikes
    readout = sum(fate.macs for fate in snn.plan.fates.values() if fate.kind == "readout")
    assert readout
    assert snn.energy().repeated == once.repeated + (snn.timesteps - 1) * readout


@pytest.mark.parametrize("ask", ["spikes", "rates", "energy"])
def test_nothing_is_counted_before_anything_ran(snn: SpikingNetwork, ask: str) -> None:
    with pytest.raises(snnfw.SnnfwError, match="nothing has run on the network yet"):
        getattr(snn, ask)()
    snn(images().double())
    getattr(snn, ask)()
    snn.to("cpu")
    with pytest.raises(snnfw.SnnfwError, match="nothing has run"):
        getattr(snn, ask)()


CONVERTERS: dict[str, Any] = {
    "direct": "direct",
    "calibration": Calibration(batches=2),
    "weights": Calibration(weights=True, iterations=3),
}


@pytest.mark.parametrize("converter", CONVERTERS)
@pytest.mark.parametrize("match", ["relu#2", "*"])
def test_another_neuron_is_converting_anew_with_its_rule_first(
    converter: str, match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules, rule = (
        [Rule("relu", IntegrateAndFire(), optional=True), Rule("*", IntegrateAndFire(shift=True), optional=True)],
        Rule(match, AdaFire(phi=2)),
    )
    before = convert(rules, converter=CONVERTERS[converter])
    anew = convert([rule, *rules], converter=CONVERTERS[converter])
    first = before(images())
    watched: list[str] = []
    observe = snnfw.network.conversion.observe

    def watching(graph: Any, observers: Any, *rest: Any) -> Any:
        watched.extend(observers)
        return observe(graph, observers, *rest)

    monkeypatch.setattr("snnfw.network.conversion.observe", watching)
    changed = before.with_neuron(match, AdaFire(phi=2))
    assert watched == ([] if converter != "direct" else ["relu#2"] if match == "relu#2" else ["relu", "relu#2"])
    assert changed.plan == anew.plan
    assert torch.equal(changed(images()), anew(images()))
    assert changed.about["config"]["layers"] == anew.about["config"]["layers"]
    assert torch.equal(before(images()), first), "the network before stays as it is"
    assert changed.with_neuron(match, IntegrateAndFire()).spikes is not None


def test_a_search_keeps_its_finds_elsewhere() -> None:
    searched = convert("adafire", search=None, converter=None)
    found = {placement.site.name: placement.neuron for placement in searched.plan.placements}
    changed = searched.with_neuron("relu", AdaFire(phi=1))
    now = {placement.site.name: placement.neuron for placement in changed.plan.placements}
    assert now == {**found, "relu": AdaFire(phi=1)}
    assert isinstance(searched.with_neuron("relu", Keep()).plan.placements[0].neuron, Keep)


def test_a_rule_of_which_nothing_is_left_is_not_to_blame() -> None:
    snn = convert([Rule("*", IntegrateAndFire())]).with_neuron("*", AdaFire())
    assert {placement.neuron for placement in snn.plan.placements} == {AdaFire()}
    assert snn.about["config"]["layers"][1]["optional"]


def test_a_changed_network_stays_where_and_in_what_it_was() -> None:
    snn = convert().double().with_neuron("relu", AdaFire(phi=2))
    assert snn(images().double()).dtype is torch.float64


def test_what_cannot_be_changed_is_told(snn: SpikingNetwork) -> None:
    with pytest.raises(
        snnfw.SnnfwError, match=r"no site matches 'rela#2'. Did you mean 'relu#2'\? Sites: relu, relu#2."
    ):
        snn.with_neuron("rela#2", AdaFire())
    with pytest.raises(snnfw.SnnfwError, match=r"Rule.neuron is a str: give an instance"):
        snn.with_neuron("relu", "adafire")  # type: ignore[arg-type]  # a name has no meaning here
    loaded = SpikingNetwork(snn.model)
    with pytest.raises(snnfw.SnnfwError, match=r"comes from a file, without the calibration data"):
        loaded.with_neuron("relu", AdaFire())


@pytest.mark.parametrize("name", RELUS)
def test_gradients_of_the_input_come_through_or_are_refused(name: str) -> None:
    snn = convert(name)
    loud = 8 * images(2)
    x, plain = loud.clone().requires_grad_(), snn(loud)
    assert not plain.requires_grad
    if name in WITHOUT_SLOPE:
        with pytest.raises(snnfw.SnnfwError, match=r"the input asks for a gradient, and the \w+ at 'relu' has none"):
            snn(x)
        with torch.no_grad():
            assert torch.equal(snn(x), plain)
        return
    output = snn(x)
    assert torch.allclose(output, plain, atol=1e-5)
    output.sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())
    assert bool(x.grad.any())
    whole, x.grad, snn.memory = x.grad, None, 1
    snn(x).sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad, whole, rtol=1e-3, atol=1e-5), "chunks do not break them"
    assert all(
        not value.requires_grad
        for _, n in snn.model.site_neurons()
        for value in n.memories()
        if isinstance(value, Tensor)
    )
    outputs = list(snn.steps(x))
    (gradient,) = torch.autograd.grad(outputs[-1].sum(), x)
    assert torch.allclose(gradient, whole, rtol=1e-3, atol=1e-5)


def test_gradients_are_those_of_training_mode() -> None:
    snn = convert(LeakyIntegrateAndFire())
    found: list[Any] = []
    for mode in (False, True):
        x = images(2).requires_grad_()
        snn.train(mode)(x).sum().backward()
        found.append(x.grad)
    assert torch.equal(*found)


def test_inference_mode_and_no_grad_work(snn: SpikingNetwork) -> None:
    x = images(2).double()
    expected = snn(x)
    for mode in (torch.inference_mode, torch.no_grad):
        with mode():
            assert torch.equal(snn(x), expected)
            spikes = snn.spikes()
            assert torch.equal(list(snn.steps(x))[-1], expected)
    assert torch.equal(snn(x), expected), "and nothing of theirs stays"
    assert snn.spikes() == spikes
    with torch.inference_mode():
        made = dyadic(convert(AdaFire(phi=2)))
        assert torch.equal(made(x), expected)


class Positions(nn.Module):
    """Make constants in the forward, at the place and in the type of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, 3] from [N, 4, 6]."""
        ramp = torch.arange(4, device=x.device, dtype=x.dtype)[:, None]
        y = F.relu(self.first(x + ramp) + torch.linspace(0, 1, 8, device=x.device, dtype=x.dtype))
        mask = torch.full((8,), 0.5, device=x.device, dtype=x.dtype)
        y = F.relu(y * mask + torch.zeros_like(y) + torch.arange(8, device=x.device, dtype=x.dtype))
        return self.second(y.softmax(-1).mean(1))  # type: ignore[no-any-return]  # Linear


class Devices(TorchDispatchMode):
    """Note the devices and floating types of whatever is computed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[tuple[str, torch.dtype]] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in pytree.tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.is_floating_point():
                self.seen.add((leaf.device.type, leaf.dtype))
        return result


MOVED: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "conv": (ConvNet, (6, 3, 8, 8)),
    "pointnet": (SmallPointNet, (6, 3, 24)),
    "vit": (small_vit, (4, 3, 32, 32)),
    "positions": (Positions, (6, 4, 6)),
}


def moved(name: str) -> tuple[SpikingNetwork, Tensor]:
    build, shape = MOVED[name]
    x = noise(*shape).float()
    rules = [Rule("*", IntegrateAndFire(), activation="relu", optional=True), Rule("*", AdaFire(), optional=True)]
    method = "tracking" if name == "vit" else rules[0:1]
    return snnfw.convert(seeded(build).float().eval(), x, method=method, timesteps=4, backend="reference"), x


@pytest.mark.parametrize("name", MOVED)
def test_everything_follows_to_another_device(name: str) -> None:
    snn, x = moved(name)
    shape = snn(x).shape
    snn.to("meta")
    with Devices() as devices:
        output = snn(x.to("meta"))
    assert output.shape == shape
    assert output.is_meta
    assert {device for device, _ in devices.seen} == {"meta"}


@pytest.mark.parametrize("name", MOVED)
def test_everything_follows_to_double(name: str) -> None:
    snn, x = moved(name)
    expected = snn(x)
    snn.double()
    with Devices() as devices:
        output = snn(x.double())
    assert {dtype for _, dtype in devices.seen} == {torch.float64}
    assert torch.allclose(output, expected.double(), rtol=0.05, atol=0.05)
    assert torch.equal(snn.float()(x), expected), "and back"


HALVES = {torch.float16: 0.1, torch.bfloat16: 0.3}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", MOVED)
def test_half_precision_is_near(name: str, dtype: torch.dtype) -> None:
    snn, x = moved(name)
    x = x.to(dtype).float()
    expected = snn(x)
    output = snn.to(dtype)(x.to(dtype))
    assert output.dtype is dtype
    assert float((output.float() - expected).norm() / expected.norm()) < HALVES[dtype]


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", RELUS)
def test_every_neuron_counts_its_spikes_in_half_precision(name: str, dtype: torch.dtype) -> None:
    """Compare a site at the scale of its threshold: potentials keep 32 bits, so that only the input is rounded."""
    snn = dyadic(convert(name)).float()
    x = images(3)
    snn(x)
    expected = snn.spikes()["relu"]
    snn.to(dtype)(x.to(dtype))
    assert abs(snn.spikes()["relu"] - expected) <= 0.05 * expected + 1


def test_what_does_not_fit_a_type_is_refused_and_nothing_changes() -> None:
    snn = convert()
    expected = snn(images())
    with torch.no_grad():
        snn.model.network.get_parameter("head.weight")[0, 0] = 1e6
    with pytest.raises(
        snnfw.SnnfwError, match=r"'network.head.weight' \(up to 1e\+06\) becomes infinite in float16: .* or bfloat16"
    ):
        snn.half()
    assert snn.bfloat16()(images().bfloat16()).isfinite().all()
    tiny = convert()
    with torch.no_grad():
        next(iter(tiny.model.site_neurons()))[1].threshold.fill_(1e-9)
    with pytest.raises(snnfw.SnnfwError, match=r"a threshold of 'relu' \(1e-09\) becomes 0 in float16"):
        tiny.half()
    for wrong in (torch.complex64, torch.float8_e4m3fn):
        with pytest.raises(
            snnfw.SnnfwError, match=r"does not compute in (complex64|float8_e4m3fn): cast it to one of float64"
        ):
            convert().to(wrong)
    assert expected.dtype is torch.float32


def test_the_state_is_what_was_converted_and_no_run(snn: SpikingNetwork) -> None:
    before = {name: tensor.clone() for name, tensor in snn.state_dict().items()}
    expected = snn(images().double())
    assert list(snn.state_dict()) == list(before)
    assert all(torch.equal(tensor, before[name]) for name, tensor in snn.state_dict().items())
    other = convert(AdaFire(phi=2)).double()
    assert not torch.equal(other(images().double()), expected)
    assert other.load_state_dict(snn.state_dict(), strict=True).missing_keys == []
    assert torch.equal(other(images().double()), expected)


def test_nothing_is_shared_with_the_network() -> None:
    net = seeded(ConvNet).float().eval()
    snn = convert(net=net)
    theirs = {tensor.untyped_storage().data_ptr() for tensor in net.state_dict().values()}
    ours = {tensor.untyped_storage().data_ptr() for tensor in snn.state_dict().values()}
    assert theirs.isdisjoint(ours)


def test_data_parallel_is_refused(snn: SpikingNetwork) -> None:
    with pytest.raises(snnfw.SnnfwError, match=r"does not run in nn.DataParallel, .* copy.deepcopy"):
        snn._replicate_for_data_parallel()


BAD: dict[str, tuple[Callable[[], tuple[Any, ...]], str]] = {
    "none": (lambda: (), r"takes 1 input and is given 0: give \[N, 3, 8, 8\]"),
    "two": (lambda: (images(), images()), r"takes 1 input and is given 2"),
    "a list": (lambda: (images().tolist(),), r"an input is a list: give a tensor, \[N, 3, 8, 8\]"),
    "another shape": (lambda: (images()[:, :2],), r"captured for inputs of shape \[N, 3, 8, 8\] and is given \[6, 2, 8, 8\]"),
    "a single sample": (lambda: (images()[0],), r"is given \[3, 8, 8\]"),
    "integers": (lambda: (images().long(),), r"of type int64 and the network takes float64: give x.to\(torch.float64\)"),
    "float32": (lambda: (images().float(),), r"of type float32 and the network takes float64"),
    "elsewhere": (lambda: (images().double().to("meta"),), r"an input lies on meta and the network on cpu: give x.to\('cpu'\), or .* snn.to\('meta'\)"),
    "empty": (lambda: (images()[:0].double(),), r"the inputs hold no sample: give at least one"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_inputs_that_do_not_fit_are_told(snn: SpikingNetwork, case: str) -> None:
    given, message = BAD[case]
    for call in (snn, snn.steps):
        with pytest.raises(snnfw.SnnfwError, match=message):
            call(*given())


def test_frames_are_run_one_by_one_and_missing_ones_told() -> None:
    frames = images(12).reshape(2, 6, 3, 8, 8)
    snn = convert_frames(frames)
    outputs = list(snn.steps(frames))
    assert torch.allclose(outputs[-1], snn(frames))
    with pytest.raises(snnfw.SnnfwError, match=r"the inputs hold 3 frames and the network runs for 4 timesteps"):
        snn(frames[:, :3])
    with pytest.raises(snnfw.SnnfwError, match=r"varies in time and single frames"):
        snn(frames[:, 0])


def test_the_quantised_network_passes_once_for_each_frame_as_the_network_does() -> None:
    frames = images(12).reshape(2, 6, 3, 8, 8)
    snn = convert_frames(frames)
    snn(frames)
    energy = snn.energy()
    report = snnfw.evaluate(snn, (frames, LABELS[:2]), checkpoints=[4])
    assert energy == report.checkpoints[-1].energy
    assert energy.quantised == pytest.approx(report.network.energy * 3 / 32)  # 4 + 1 levels, in each of six passes


def convert_frames(frames: Tensor) -> SpikingNetwork:
    return snnfw.convert(seeded(ConvNet).float().eval(), frames, method="if", timesteps=4, frames=6)


def test_texts_are_short_and_escaped() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.ReLU(), nn.Linear(8, 5))
    snn = convert(AdaFire(phi=2), net=net.eval())
    assert "timesteps=8, neurons: 1 x adafire(phi=2)" in repr(snn)
    html = snn._repr_html_()
    assert "<table>" in html
    assert "adafire(phi=2)" in html
    assert snn.plan._repr_html_() in html
    report = snnfw.evaluate(snn, (images(), LABELS), sharp)
    assert str(report).startswith("The spiking network reaches ")
    assert "become accumulations of events" in str(snn.plan)
    shown = report._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown


def sharp(output: Tensor, target: Tensor) -> float:
    del output, target
    return 0.5


sharp.__name__ = "<script>"
