from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from exported_networks import make_exact
from networks import ConvNet, InnerBatch, MaskedAttention, SmallPointNet, captured, converted, estimated, noise, seeded
from snnfw.capture.export import capture
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.exports import exporting, onnx_format, packages
from snnfw.exports.exported import Exported
from snnfw.exports.exporting import export_model, noise_like
from snnfw.exports.loop import run_model
from snnfw.neurons.spiking_neuron import SpikingNeuron, States
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Resources, SiteStats
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.msat import MSAT
from snnfw_plugins.spikingjelly_bridge.neurons import CUBALIFNode
from snnfw_plugins.tracking import Tracking

STEPS = 4


def single(build: Callable[[], nn.Module], *shape: int, neuron: Neuron | None = None) -> tuple[SpikingModel, Tensor]:
    """Return a model in float32, and what it was calibrated on."""
    x = noise(*shape).float()
    model = estimated(seeded(build), x).float()
    return converted(capture(model, (x,)), neuron or AdaFire(phi=2), x, STEPS, Tracking()), x


def dense() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.fixture(scope="module")
def convnet() -> tuple[SpikingModel, Tensor]:
    model, x = single(ConvNet, 3, 3, 8, 8)
    return make_exact(model), (x * 256).round() / 256


@pytest.fixture(scope="module", params=["onnx", "torch"])
def exported(
    request: pytest.FixtureRequest, convnet: tuple[SpikingModel, Tensor], tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    model, x = convnet
    suffix = exporting.SUFFIXES[request.param]
    return export_model(model, tmp_path_factory.mktemp(request.param) / f"net{suffix}", inputs=(x,))


def test_an_export_says_what_was_compared(exported: Exported, convnet: tuple[SpikingModel, Tensor]) -> None:
    assert exported.flips == 0
    assert exported.values == (3 + 1) * STEPS * 2 * 8 * 8 * 8
    assert str(exported) == "16384 values of neurons (3 samples, 4 timesteps) equal the model's."
    path = exported.files[0]
    assert [file.name for file in exported.files] == [path.name, f"net.begin{path.suffix}", f"{path.name}.json"]
    assert sorted(path.parent.iterdir()) == sorted(exported.files)


def test_what_the_json_says_is_enough_to_loop(exported: Exported, convnet: tuple[SpikingModel, Tensor]) -> None:
    model, x = convnet
    said = json.loads(exported.files[2].read_text())
    assert said["timesteps"] == STEPS
    folder, given = exported.files[0].parent, torch.cat([x, x.flip(0)])[:5]
    begin, step = (runner(folder / said[part]["file"]) for part in ("begin", "step"))
    constants = [slot["name"] for slot in said["step"]["constants"]]
    states = {state["name"]: state for state in said["step"]["states"]}
    returned = [*said["step"]["outputs"], *said["step"]["sites"], *(state["next"] for state in states.values())]

    begun = begin([given.numpy()])
    values = dict(zip([*constants, *states], begun, strict=True))
    for name, state in states.items():
        shape = tuple(5 if size == "N" else size for size in state["shape"])
        assert values[name].shape == shape
        assert str(values[name].dtype) == state["dtype"]
        assert np.array_equal(values[name], np.full(shape, state["initial"]))
    for outputs, spikes in run_model(model, (given,), STEPS):
        after = dict(zip(returned, step([values[name] for name in (*constants, *states)]), strict=True))
        for name, spike in zip(said["step"]["sites"], spikes, strict=True):
            assert np.array_equal(after[name], spike.numpy()), name
        np.testing.assert_allclose(after["output"], outputs[0].numpy(), rtol=1e-5, atol=1e-6)
        values.update({name: after[state["next"]] for name, state in states.items()})


def runner(file: Path) -> Callable[[list[Any]], list[Any]]:
    """Return what runs a file, arrays in and out."""
    if file.suffix == ".pt2":
        program = torch.export.load(file).module()
        return lambda given: [each.numpy() for each in program(*map(torch.as_tensor, given))]
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file))
    names = [each.name for each in session.get_inputs()]
    return lambda given: list(session.run(None, dict(zip(names, given, strict=True))))


def test_the_loop_on_the_page_is_the_networks(
    exported: Exported, convnet: tuple[SpikingModel, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    if exported.format != "onnx":
        return
    model, x = convnet
    page = (Path(__file__).parents[3] / "docs" / "howto" / "export.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(import json.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(exported.files[0].parent)
    found: dict[str, Any] = {"images": x.numpy()}
    exec(code, found)  # noqa: S102  # our own page
    np.testing.assert_allclose(found["after"]["output"], model(x).numpy(), rtol=1e-5, atol=1e-6)


def test_a_program_of_torch_holds_none_of_the_samples(exported: Exported) -> None:
    if exported.format == "torch":
        assert all(torch.export.load(file).example_inputs is None for file in exported.files[:2])


OTHERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], Neuron]] = {
    "softmax within merged samples": (InnerBatch, (3, 5, 6), Tracking()),
    "maxima and products": (SmallPointNet, (3, 3, 24), AdaFire()),
    "masks in attention": (MaskedAttention, (3, 5, 6), Tracking()),
    "thresholds that adapt": (dense, (4, 6), MSAT()),
    "a bridged neuron with two states": (dense, (4, 6), CUBALIFNode()),
}


@pytest.mark.parametrize("name", OTHERS)
def test_onnx_holds_every_kind_of_operator(name: str, tmp_path: Path) -> None:
    build, shape, neuron = OTHERS[name]
    model, x = single(build, *shape, neuron=neuron)
    exported = export_model(model, tmp_path / "net.onnx", inputs=(x,))
    assert exported.flips <= 0.02 * exported.values


def test_doubles_are_exported_exactly_where_a_format_has_them(tmp_path: Path) -> None:
    x = noise(3, 3, 8, 8)
    model = converted(captured(ConvNet, x), AdaFire(), x, STEPS)
    assert export_model(model, tmp_path / "net.pt2", inputs=(x,)).flips == 0
    with pytest.raises(SnnfwError, match=r"^onnxruntime cannot run the exported network \(.*model\.float\(\)"):
        export_model(model, tmp_path / "net.onnx", inputs=(x,))
    flat = 2 * noise(4, 6)
    assert export_model(converted(captured(dense, flat), AdaFire(), flat, STEPS), tmp_path / "net.onnx").flips == 0


def test_inputs_that_vary_in_time_are_exported_frame_by_frame(tmp_path: Path) -> None:
    graph = captured(dense, noise(3, 6))
    frames = noise(3, STEPS, 6, seed=1)
    plan = place(graph, (Rule("*", AdaFire()),), temporal=True)
    model = Direct().convert(graph, plan, [(frames,)], STEPS, Resources())
    for suffix in (".pt2", ".onnx"):
        exported = export_model(model, tmp_path / f"net{suffix}")
        assert exported.flips == 0
        said = json.loads(exported.files[2].read_text())
        assert [slot["shape"] for slot in said["step"]["frames"]] == [["N", 6]]
    with pytest.raises(SnnfwError, match="^inputs holds 2 frames and the model runs 4 timesteps"):
        export_model(model, tmp_path / "net.pt2", inputs=(frames[:, :2],))


class Words(nn.Module):
    """Whole numbers and currents go in, one of them unread; positions, a constant and two answers come out."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.layer, self.head = nn.Embedding(10, 6), nn.Linear(6, 8), nn.Linear(8, 3)
        self.register_buffer("weights", torch.ones(3))

    def forward(self, tokens: Tensor, x: Tensor, unread: Tensor) -> dict[str, object]:
        y = torch.relu(self.layer(self.words(tokens).mean(1) + x))
        return {"a": self.head(y), "b": [torch.arange(x.shape[0]), self.weights], "c": torch.relu(self.layer(x))}


def test_several_inputs_of_several_kinds_are_exported(tmp_path: Path) -> None:
    inputs = (torch.arange(12).reshape(3, 4) % 10, noise(3, 6).float(), noise(3, 2).float())
    graph = capture(seeded(Words).eval(), inputs)
    model = Direct().convert(graph, place(graph, (Rule("*", AdaFire()),)), [inputs], STEPS, Resources())
    exported = export_model(model, tmp_path / "net.onnx", inputs=inputs)
    assert exported.flips == 0
    said = json.loads(exported.files[2].read_text())
    assert [slot["name"] for slot in said["begin"]["inputs"]] == ["input.tokens", "input.x", "input.unread"]
    assert said["step"]["outputs"] == ["output.a", "output.b.0", "output.b.1", "output.c"]
    assert export_model(model, tmp_path / "net.onnx").flips == 0


def test_noise_is_drawn_as_the_model_takes_it(convnet: tuple[SpikingModel, Tensor]) -> None:
    (first,), (second,) = noise_like(convnet[0]), noise_like(convnet[0])
    assert first.shape == (4, 3, 8, 8)
    assert first.dtype is torch.float32
    assert torch.equal(first, second)


def test_sites_that_stay_silent_are_named(tmp_path: Path) -> None:
    model, x = single(dense, 4, 6)
    model.neurons.get_buffer("relu_1.threshold").mul_(1e6)
    exported = export_model(model, tmp_path / "net.pt2", inputs=(x,))
    assert exported.silent == ("3",)
    assert str(exported).endswith(f"silent on these samples: {', '.join(exported.silent)}.")


def test_what_does_something_else_is_not_written(
    convnet: tuple[SpikingModel, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = convnet
    (tmp_path / "net.pt2").write_text("what was there")
    kind = exporting.STEP_FORMATS["torch"]

    def run(programs: Any, path: Path, changed: int) -> Any:
        begin, step = kind.read(programs, path)

        def wrong(given: Any) -> list[Tensor]:
            returned = list(step(given))
            returned[changed] = returned[changed] + 0.5
            return returned

        return begin, wrong

    for changed, said in ((1, "differ between the export and the model"), (0, "output 0 of what was exported differs")):
        other = exporting.StepFormat(".pt2", kind.write, partial(run, changed=changed))
        monkeypatch.setattr(exporting, "STEP_FORMATS", {"torch": other})
        with pytest.raises(SnnfwError, match=said):
            export_model(model, tmp_path / "net.pt2", inputs=(x,))
    assert [path.name for path in tmp_path.iterdir()] == ["net.pt2"]
    assert (tmp_path / "net.pt2").read_text() == "what was there"


def test_a_few_flips_of_rounding_are_told_and_not_refused(
    convnet: tuple[SpikingModel, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = convnet
    kind = exporting.STEP_FORMATS["torch"]

    def read(programs: Any, path: Path) -> Any:
        begin, step = kind.read(programs, path)

        def flipped(given: Any) -> list[Tensor]:
            returned = [value.clone() for value in step(given)]
            returned[1][0, 0, 0, 0] += 1
            return returned

        return begin, flipped

    monkeypatch.setattr(exporting, "STEP_FORMATS", {"torch": exporting.StepFormat(".pt2", kind.write, read)})
    exported = export_model(model, tmp_path / "net.pt2", inputs=(x,))
    assert exported.flips == 2 * STEPS
    assert "equal the model's but for 8." in str(exported)


class Stubborn(SpikingNeuron):
    """A neuron that decides by values, which no graph holds."""

    def begin(self, drive: Tensor) -> States:
        return (torch.zeros_like(drive),)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        total = states[0] + drive
        if float(total.sum()) > 1e9:
            return drive, states
        output = (total >= self.threshold).to(total.dtype) * self.threshold
        return output, (total - output,)


def test_a_neuron_that_cannot_be_traced_is_named_with_its_layer(tmp_path: Path) -> None:
    model, x = single(dense, 4, 6)
    neuron: Any = model.neurons["relu_1"]
    model.neurons["relu_1"] = Stubborn(_stats(neuron))
    with pytest.raises(SnnfwError, match=r"^torch\.export cannot hold the neuron at '3', Stubborn \("):
        export_model(model, tmp_path / "net.onnx", inputs=(x,))
    assert not list(tmp_path.iterdir())


def _stats(neuron: Any) -> Any:
    return SiteStats(neuron.threshold.clone())


def test_half_precision_is_refused(tmp_path: Path) -> None:
    model, _ = single(dense, 4, 6)
    with pytest.raises(SnnfwError, match=r"computes in torch\.float16: export it in 32 bits, model\.float\(\)\.$"):
        export_model(model.half(), tmp_path / "net.onnx")


@pytest.mark.parametrize(
    ("name", "format_", "said"),
    [
        (
            "net.zip",
            None,
            "'net.zip' does not say a format: give format=, or one of these endings: onnx (.onnx), torch (.pt2), nir (.nir).",
        ),
        ("net.onnx", "onyx", "no format named 'onyx'. Did you mean 'onnx'? Formats: nir, onnx, torch."),
        ("net.onnx", "nir", "format=nir is written to a file that ends in .nir, and not to 'net.onnx'."),
    ],
)
def test_a_format_that_is_not_there_is_refused(name: str, format_: str | None, said: str, tmp_path: Path) -> None:
    model, _ = single(dense, 4, 6)
    with pytest.raises(SnnfwError) as caught:
        export_model(model, tmp_path / name, format_)
    assert str(caught.value) == said


@pytest.mark.parametrize("kind", ["onnx", "nir"])
def test_a_missing_package_is_named_with_the_line_that_installs_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = single(dense, 4, 6)
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(SnnfwError, match=r"^format=\w+ needs .*: pip install 'snnfw\[export\]'\.$"):
        export_model(model, tmp_path / f"net.{kind}")
    assert not list(tmp_path.iterdir())


def test_a_network_too_large_for_a_file_of_onnx_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = single(dense, 4, 6)
    monkeypatch.setattr(onnx_format, "LIMIT", 10)
    with pytest.raises(SnnfwError, match=r"an ONNX file holds 2: use format=torch\.$"):
        export_model(model, tmp_path / "net.onnx")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    model, _ = single(dense, 4, 6)
    (tmp_path / "file").write_text("")
    with pytest.raises(SnnfwError, match=r"^cannot write '.*net\.pt2' \("):
        export_model(model, tmp_path / "file" / "net.pt2")


@pytest.mark.parametrize(
    ("given", "said"),
    [((), "^inputs holds no sample"), (noise(2, 6), "^inputs is a Tensor: give a tuple")],
)
def test_samples_of_another_kind_are_refused(given: Any, said: str, tmp_path: Path) -> None:
    model, _ = single(dense, 4, 6)
    with pytest.raises(SnnfwError, match=said):
        export_model(model, tmp_path / "net.pt2", inputs=given)
