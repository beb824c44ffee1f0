from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from snnfw.capture.export import capture
from snnfw.errors import SnnfwError
from snnfw.values import Resources
from snnfw_tasks.detection.models.networks import from_yaml, prepare_for_capture
from snnfw_tasks.detection.models.trust import require_harmless
from snnfw_tasks.detection.models.yolo import ScenesYoloRelu, ScenesYoloSilu, UltralyticsModel
from snnfw_tasks.detection.models.zoo import describe
from snnfw_tasks.networks.shipped import shipped_weights

NAMES = ("a", "b")
TINY = {
    "nc": 2,
    "activation": "torch.nn.ReLU()",
    "reg_max": 4,
    "backbone": [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2]]],
    "head": [[[1], 1, "Detect", ["nc"]]],
}


def built(**words: Any) -> Any:
    return from_yaml({**TINY, **words}, NAMES, "tiny.yaml", trust=False)


@pytest.mark.parametrize("source", [ScenesYoloRelu(), ScenesYoloSilu()], ids=lambda source: source.name)
def test_shipped_detectors_are_small_and_say_how_to_train_them(source: ScenesYoloRelu | ScenesYoloSilu) -> None:
    file = shipped_weights(source.name)
    assert file.stat().st_size < 3 * 2**20
    with safe_open(file, "pt") as opened:
        facts = opened.metadata()
    assert facts["command"].startswith(f"python -m tools.train_scenes_yolo {source.name.rpartition('-')[2]} ")
    assert json.loads(facts["scores"])["mAP50"] > 0.85
    found = source.detector((), Resources())
    assert found.names == tuple("0123456789")
    assert found.side == 128
    kinds = {type(module) for module in found.network.modules()}
    relu = isinstance(source, ScenesYoloRelu)
    assert ((torch.nn.ReLU in kinds), (torch.nn.SiLU in kinds)) == (relu, not relu)


def test_weights_without_an_architecture_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "bare.safetensors"
    save_file(load_file(shipped_weights("scenes-yolo-relu")), file)
    with pytest.raises(SnnfwError) as raised:
        ScenesYoloRelu(weights=file).detector((), Resources())
    assert str(raised.value) == f"weights '{file}' hold no architecture: their metadata needs 'yaml' and 'names'."


def test_weights_that_would_run_code_are_refused(tmp_path: Path) -> None:
    file, ran = tmp_path / "evil.safetensors", tmp_path / "ran"
    description = json.dumps({**TINY, "activation": f"open({str(ran)!r}, 'w')"})
    save_file({"a": torch.zeros(1)}, file, metadata={"yaml": description, "names": "[]"})
    with pytest.raises(SnnfwError, match="which would run as code"):
        ScenesYoloRelu(weights=file).detector((), Resources())
    assert not ran.exists()


def test_ultralytics_networks_come_by_name_with_the_datas_classes() -> None:
    found = UltralyticsModel(arch="yolov3-tiny").detector(("cat", "dog", "cow"), Resources(seed=3))
    assert found.names == ("cat", "dog", "cow")
    assert found.network.model[-1].nc == 3
    assert found.side == 640
    again = UltralyticsModel(arch="yolov3-tiny.yaml").detector(("cat", "dog", "cow"), Resources(seed=3))
    for one, other in zip(found.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_every_detector_of_ultralytics_is_known_by_name() -> None:
    for name in (
        "yolov3-tiny",
        "yolov5s",
        "yolov8n",
        "yolov8x",
        "yolov9t",
        "yolov10n",
        "yolo11m",
        "yolo12n",
        "yolo26n",
    ):
        require_harmless(describe(name), name)


def test_a_description_of_the_users_is_read_from_its_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps(TINY))
    assert UltralyticsModel(arch=str(file)).detector(NAMES, Resources()).network.model[-1].nc == 2


def test_a_ready_network_can_be_captured_after_any_batch() -> None:
    network = built().eval()
    network(torch.zeros(3, 3, 64, 64))  # of which the head remembers the shape
    images = torch.rand(4, 3, 32, 32)
    graph = capture(prepare_for_capture(network), (images[:2],))
    torch.testing.assert_close(graph(images)[0], network(images)[0])


def checkpoint(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def test_a_checkpoint_brings_its_architecture_names_and_size(tmp_path: Path) -> None:
    network = built()
    network.args = {"imgsz": 96}
    found = UltralyticsModel(weights=checkpoint(tmp_path / "best.pt", {"model": network.half()})).detector(
        ("other",), Resources()
    )
    assert (found.names, found.side) == (NAMES, 96)
    assert found.network.state_dict()["model.0.conv.weight"].dtype == torch.float32


def test_a_checkpoint_for_oblong_images_takes_the_longer_side(tmp_path: Path) -> None:
    network = built()
    network.args = {"imgsz": [64, 96]}
    model = UltralyticsModel(weights=checkpoint(tmp_path / "best.pt", {"model": network}))
    assert model.detector(("other",), Resources()).side == 96


class Evil:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_that_would_run_code_is_refused_unless_it_is_trusted(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    file = checkpoint(tmp_path / "evil.pt", {"model": built(), "extra": Evil(ran)})
    with pytest.raises(SnnfwError) as raised:
        UltralyticsModel(weights=file).detector(NAMES, Resources())
    assert str(raised.value) == (
        f"weights '{file}' are damaged, or hold more than ultralytics' own types, which could run as code: "
        "set model.trust=true if you trust the file."
    )
    assert not ran.exists()
    UltralyticsModel(weights=file, trust=True).detector(NAMES, Resources())
    assert ran.exists()


def test_a_damaged_checkpoint_does_not_get_better_by_trust(tmp_path: Path) -> None:
    file = tmp_path / "cut.pt"
    file.write_bytes(pickle.dumps({"model": 1})[:-3])
    with pytest.raises(SnnfwError) as raised:
        UltralyticsModel(weights=file, trust=True).detector(NAMES, Resources())
    assert str(raised.value) == f"weights '{file}' cannot be read: the file is damaged or of another kind."


def test_a_checkpoint_without_a_detector_is_refused(tmp_path: Path) -> None:
    file = checkpoint(tmp_path / "tensors.pt", {"model": {"a": torch.zeros(1)}})
    with pytest.raises(SnnfwError) as raised:
        UltralyticsModel(weights=file).detector(NAMES, Resources())
    assert str(raised.value) == (
        f"weights '{file}' hold no detector of ultralytics': give one that it trained for detection."
    )


HARMLESS = ("torch.nn.ReLU()", "nn.SiLU()", "nn.LeakyReLU(0.1, inplace=True)")
ACTIVATIONS = (
    "__import__('os').mkdir('{ran}')",
    "torch.nn.ReLU(__import__('os').mkdir('{ran}'))",
    "nn.ReLU(__import__('os').mkdir('{ran}'))(1)",
    "[torch.nn.ReLU() for _ in [__import__('os').mkdir('{ran}')]][0]",
    "nn.init.constant_(1, 2)",
    "torch.nn.ReLU",
    "torch.nn.ReLU({{[]: 1}})",
)


@pytest.mark.parametrize("activation", HARMLESS)
def test_plain_activations_need_no_trust(activation: str) -> None:
    assert built(activation=activation).model[0].act is not None


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_that_would_run_as_code_is_refused(tmp_path: Path, activation: str) -> None:
    ran = tmp_path / "ran"
    code = activation.format(ran=ran)
    with pytest.raises(SnnfwError) as raised:
        built(activation=code)
    assert str(raised.value) == (
        f"'tiny.yaml' has the activation {code!r}, which would run as code: "
        "write torch.nn.ReLU() or another of torch's, or set model.trust=true if you trust the file."
    )
    assert not ran.exists()


def test_a_trusted_description_may_run_code(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    activation = f"[torch.nn.ReLU() for _ in [__import__('os').mkdir({str(ran)!r})]][0]"
    from_yaml({**TINY, "activation": activation}, NAMES, "tiny.yaml", trust=True)
    assert ran.exists()


def test_a_layer_that_would_download_weights_is_refused() -> None:
    with pytest.raises(SnnfwError) as raised:
        built(backbone=[[-1, 1, "TorchVision", [512, "resnet18"]]])
    assert str(raised.value) == (
        "'tiny.yaml' has the layer 'TorchVision', which downloads weights: set model.trust=true if you trust the file."
    )


LAYERS = {
    "DetectionModel": "which is none of torch's, torchvision's or ultralytics' layers",
    "torch_safe_load": "which is none of torch's, torchvision's or ultralytics' layers",
    "AutoBackend": "which is none of torch's, torchvision's or ultralytics' layers",
    "os.mkdir": "which is none of torch's, torchvision's or ultralytics' layers",
    "nn.functional.relu": "which is none of torch's, torchvision's or ultralytics' layers",
}


@pytest.mark.parametrize(("layer", "problem"), LAYERS.items())
def test_a_layer_that_is_none_is_refused(layer: str, problem: str) -> None:
    with pytest.raises(SnnfwError) as raised:
        built(backbone=[[-1, 1, layer, [1]]])
    assert str(raised.value) == (
        f"'tiny.yaml' has the layer '{layer}', {problem}: "
        "name one of these, or set model.trust=true if you trust the file."
    )


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no head": ({"head": None}, "'tiny.yaml' describes no detector: 'head' must be a list of [from, number, layer, args]."),
    "half a layer": ({"backbone": [[-1, 1]]}, "'tiny.yaml' has the layer [-1, 1]: a layer is [from, number, layer, args]."),
    "no detector": ({"head": [[-1, 1, "Classify", ["nc"]]]}, "'tiny.yaml' ends in Classify: a detector ends in Detect or v10Detect."),
    "masks too": (
        {"head": [[[1], 1, "Segment", ["nc", 4, 8]]]},
        "'tiny.yaml' ends in Segment: a detector ends in Detect or v10Detect.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "problem"), MISTAKES.values(), ids=MISTAKES)
def test_a_description_of_something_else_is_refused(words: dict[str, Any], problem: str) -> None:
    with pytest.raises(SnnfwError) as raised:
        built(**words)
    assert str(raised.value) == problem


def test_what_ultralytics_cannot_build_is_told_in_its_words() -> None:
    with pytest.raises(SnnfwError) as raised:
        built(backbone=[[-1, 1, "Conv", ["wide", 3, 2]]])
    assert str(raised.value).startswith("'tiny.yaml' describes no detector that ultralytics can build: ")


SOURCES = {
    "both": (
        {"arch": "yolov8n", "weights": Path("x.pt")},
        "model 'ultralytics' got both of model.arch and model.weights: give model.arch=yolov8n.yaml for "
        "random weights, or model.weights=FILE.pt, which brings its own architecture.",
    ),
    "neither": (
        {},
        "model 'ultralytics' got neither of model.arch and model.weights: give model.arch=yolov8n.yaml for "
        "random weights, or model.weights=FILE.pt, which brings its own architecture.",
    ),
    "no second head": (
        {"arch": "yolov3-tiny", "nms": False},
        "model.nms=false needs a network with a head for it, such as yolo26n: 'yolov3-tiny' has none.",
    ),
    "no weights": ({"weights": Path("x.pt")}, "weights 'x.pt' do not exist: check the path."),
    "a misspelt name": (
        {"arch": "yolov8nn"},
        "ultralytics has no detector named 'yolov8nn'. Did you mean 'yolov8n'? Those there are: yolov8n, yolo11s, "
        "yolo26n, yolov3-tiny and others; or give the path of your own .yaml file.",
    ),
    "no file": (
        {"arch": "nets/mine.yaml"},
        "model.arch='nets/mine.yaml' does not exist: give a .yaml file, or one of ultralytics' names.",
    ),
}


@pytest.mark.parametrize(("words", "problem"), SOURCES.values(), ids=SOURCES)
def test_a_source_that_leads_nowhere_is_told(words: dict[str, Any], problem: str) -> None:
    with pytest.raises(SnnfwError) as raised:
        UltralyticsModel(**words).detector(NAMES, Resources())
    assert str(raised.value) == problem


def test_a_description_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("backbone: [")
    with pytest.raises(SnnfwError) as raised:
        describe(str(file))
    assert str(raised.value) == f"model.arch='{file}' cannot be read as YAML: repair the file."
