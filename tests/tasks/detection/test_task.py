from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from boxed_images import write_images
from given_sources import Foreign
from read_back import read_back
from snnfw import Registry, resolve
from snnfw.capture.export import capture
from snnfw.contracts import DataSource, ModelSource, Task
from snnfw.errors import SnnfwError
from snnfw.pipeline import run
from snnfw.planning.placement import place
from snnfw.simulate.run import evaluate_network, simulate
from snnfw.stages import search_plan
from snnfw.values import Batch, Bundle, Resources
from snnfw_tasks.detection import task as detection
from snnfw_tasks.detection.data.yolo import Yolo
from snnfw_tasks.detection.models.yolo import ScenesYoloRelu, UltralyticsModel
from snnfw_tasks.detection.task import Detection
from snnfw_tasks.scenes import files as scenes
from snnfw_tasks.scenes.data import Scenes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snnfw.capture.graph import Graph
    from snnfw_tasks.detection.batches import Truth

TINY = {
    "nc": 2,
    "activation": "torch.nn.ReLU()",
    "reg_max": 4,
    "backbone": [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2]]],
    "head": [[[1], 1, "Detect", ["nc"]]],
}
CONVERTED = ("task=detection", "search=null", "exit=null")


@pytest.fixture(scope="module", autouse=True)
def few_scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Draw a few scenes, once for all tests here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(scenes, "COUNTS", {"train": 2, "val": 24, "test": 32})
        yield


@pytest.fixture(scope="module")
def embedded() -> Bundle:
    return Detection(batch=16).load(ScenesYoloRelu(), Scenes(), Resources())


@pytest.fixture(scope="module")
def graph(embedded: Bundle) -> Graph:
    return capture(embedded.model, embedded.example)


@pytest.fixture
def tiny(tmp_path: Path) -> UltralyticsModel:
    file = tmp_path / "tiny.yaml"
    file.write_text(json.dumps(TINY))
    return UltralyticsModel(arch=str(file))


def test_describing_the_task_imports_nothing_heavy() -> None:
    heavy = ("torch", "torchvision", "ultralytics", "cv2", "PIL", "numpy")
    code = (
        "import sys, snnfw_tasks.detection.task as d;"
        "[hook() for hook in (d.snnfw_register_tasks, d.snnfw_register_models, d.snnfw_register_data)];"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own words
    assert done.stdout.strip() == "[]"


def test_everything_registered_fulfils_its_contract() -> None:
    models = {source.name: source for source in detection.snnfw_register_models()}
    data = {source.name: source for source in detection.snnfw_register_data()}
    papers = ["spike-yolo", "yolov2", "tiny-yolo"]
    assert list(models) == ["scenes-yolo-relu", "scenes-yolo-silu", "ultralytics", *papers]
    assert list(data) == ["scenes", "yolo"]
    assert isinstance(Detection(), Task)
    assert all(isinstance(source(), ModelSource) for source in models.values())
    assert isinstance(Scenes(), DataSource)
    sources: list[Any] = [*models.values(), *data.values()]
    assert all("detection" in source.tasks for source in sources)


def test_a_run_takes_eight_timesteps_without_search_and_exit_unless_the_user_says_otherwise() -> None:
    registry = Registry()
    config = resolve(["task=detection", "plugin=adafire"], registry)
    assert (config.timesteps, config.search, config.exit) == (8, None, None)
    assert resolve(["task=detection", "plugin=adafire", "timesteps=4"], registry).timesteps == 4


def test_ultralytics_networks_have_the_zoos_short_form() -> None:
    words = ["task=detection", "plugin=adafire", "model=ultralytics/yolo11n"]
    config = resolve([*words, "data=yolo", "data.file=data.yaml"], Registry())
    assert config.model == UltralyticsModel(arch="yolo11n")
    with pytest.raises(SnnfwError, match="nothing says which data it is for"):
        resolve(words, Registry())


def test_the_default_bundle_is_complete(embedded: Bundle) -> None:
    assert embedded.judgement.headline == "mAP50"
    assert embedded.example[0].shape == (2, 3, 128, 128)
    assert not embedded.model.training
    assert [len(inputs[0]) for inputs in embedded.data.calibration] == [16, 8]
    assert embedded.data.tuning is not None
    assert [len(batch.target) for batch in embedded.data.tuning] == [16, 8]
    assert [len(batch.target) for batch in embedded.data.evaluation] == [16, 16]
    assert embedded.description["classes"] == list("0123456789")
    assert embedded.description["sample_shape"] == [3, 128, 128]
    assert embedded.description["calibration_samples"] == 24
    assert embedded.description["evaluation_samples"] == 32
    assert embedded.description["objects"] == sum(len(t.classes) for b in embedded.data.evaluation for t in b.target)


def test_what_methods_ask_for_fits_the_networks_output(embedded: Bundle) -> None:
    batch = next(iter(embedded.data.evaluation))
    with torch.no_grad():
        output = embedded.model(*batch.inputs)
    assert embedded.judgement.logits is not None
    assert embedded.judgement.correct is not None
    assert embedded.judgement.distance is not None
    assert embedded.judgement.logits(output).shape == (16, 2, 10 * (16 * 16 + 8 * 8))
    right = embedded.judgement.correct(output, batch.target)
    assert 0.65 < float(right.mean()) < 0.85
    assert embedded.judgement.distance(output, output).abs().max() < 1e-6  # overlaps are rounded
    kept = embedded.judgement.target_of(batch.target, torch.tensor([3, 5]))
    assert kept == (batch.target[3], batch.target[5])


def files(batches: Any) -> list[str]:
    truths: list[Truth] = [truth for batch in batches for truth in batch.target]
    return [truth.file for truth in truths]


def test_the_seed_draws_the_calibration_and_never_the_test(tiny: UltralyticsModel, tmp_path: Path) -> None:
    data = Yolo(file=write_images(tmp_path / "data", count=12), size=32)
    bundles = [Detection(calibration=4, limit=5).load(tiny, data, Resources(seed=seed)) for seed in (0, 1)]
    first, other = (files(bundle.data.evaluation) for bundle in bundles)
    assert first == other
    assert len(first) == 5
    assert bundles[0].data.tuning is not None
    assert bundles[1].data.tuning is not None
    assert files(bundles[0].data.tuning) != files(bundles[1].data.tuning)
    assert all("/train/" in file for file in files(bundles[0].data.tuning))


def test_images_of_any_size_run_at_the_size_that_is_asked_for(tiny: UltralyticsModel, tmp_path: Path) -> None:
    data = Yolo(file=write_images(tmp_path / "data"), size=96)
    bundle = Detection().load(tiny, data, Resources())
    assert next(iter(bundle.data.evaluation)).inputs[0].shape == (4, 3, 96, 96)


MISFITS = {
    "other model": (
        {"model": Foreign()},
        "model 'foreign' has no build, which task 'detection' asks for: see snnfw_tasks.detection.sources.DetectorSource.",
    ),
    "other data": (
        {"data": Foreign()},
        "data set 'foreign' has no open, which task 'detection' asks for: see snnfw_tasks.detection.sources.DetectionData.",
    ),
    "fewer classes": (
        {"model": ScenesYoloRelu()},
        "model 'scenes-yolo-relu' finds 10 classes and data 'yolo' names 2: "
        "give a network that was trained for this data.",
    ),
    "a size that does not fit": (
        {"size": 70},
        "data.size=70 does not fit: this network's images have sides that are multiples of 4, such as 72.",
    ),
    "one image to calibrate with": (
        {"calibration": 1},
        "data 'yolo' has 1 calibration samples, 2 or more are needed.",
    ),
}


@pytest.mark.parametrize(("words", "problem"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_together_is_told(
    tiny: UltralyticsModel, tmp_path: Path, words: dict[str, Any], problem: str
) -> None:
    data = words.get("data", Yolo(file=write_images(tmp_path / "data"), size=words.get("size", 64)))
    task = Detection(calibration=words.get("calibration", 4))
    with pytest.raises(SnnfwError) as raised:
        task.load(words.get("model", tiny), data, Resources())
    assert str(raised.value) == problem


def test_a_split_without_boxes_is_told(tiny: UltralyticsModel, tmp_path: Path) -> None:
    file = write_images(tmp_path)
    shutil.rmtree(tmp_path / "labels" / "val")
    with pytest.raises(SnnfwError) as raised:
        Detection().load(tiny, Yolo(file=file, size=64), Resources())
    assert str(raised.value) == (
        "the val split of data 'yolo' holds no box, so nothing can be scored: put a label file for each image beside "
        f"'{tmp_path / 'images' / 'val' / '000.jpg'}', under 'labels' instead of 'images'."
    )


def test_classes_of_other_names_are_refused_but_numbers_are_not(tmp_path: Path) -> None:
    def load(names: tuple[str, ...]) -> Bundle:
        data = Yolo(file=write_images(tmp_path / names[0], names), size=64)
        return Detection().load(ScenesYoloRelu(), data, Resources())

    ten = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    assert load(ten).description["classes"] == list("0123456789")  # a network of numbers may be any
    model = tmp_path / "named.pt"
    torch.save({"model": named(("red", "blue"))}, model)
    data = Yolo(file=write_images(tmp_path / "data"), size=64)
    with pytest.raises(SnnfwError) as raised:
        Detection().load(UltralyticsModel(weights=model), data, Resources())
    assert str(raised.value) == (
        "model 'ultralytics' calls class 1 'blue' and data 'yolo' calls it 'green': "
        "give a network that was trained for this data."
    )


def named(names: tuple[str, ...]) -> Any:
    from snnfw_tasks.detection.models.networks import from_yaml

    return from_yaml(TINY, names, "tiny.yaml", trust=False)


def test_a_detector_without_sites_is_told_before_anything_runs(tmp_path: Path) -> None:
    file = tmp_path / "linear.yaml"
    file.write_text(json.dumps({**TINY, "activation": "torch.nn.Identity()"}))
    data = Yolo(file=write_images(tmp_path / "data"), size=64)
    bundle = Detection().load(UltralyticsModel(arch=str(file)), data, Resources())
    with pytest.raises(SnnfwError) as raised:
        place(capture(bundle.model, bundle.example), resolve(["task=detection", "plugin=adafire"], Registry()).layers)
    assert str(raised.value) == "the network has no activation function that a neuron could stand in for."


def test_a_run_leaves_scores_and_a_picture(tiny: UltralyticsModel, tmp_path: Path) -> None:
    words = [*CONVERTED, "neuron=if", "timesteps=2", f"model={tiny.name}", f"model.arch={tiny.arch}", "data=yolo"]
    data = [f"data.file={write_images(tmp_path / 'data')}", "data.size=64", f"out={tmp_path / 'out'}"]
    folder = run(resolve([*words, *data], Registry()), Registry())
    report = read_back(folder)
    assert set(report["network"]["scores"]) == {"mAP50", "mAP50-95"}
    assert (folder / "pictures" / "detections.png").read_bytes().startswith(b"\x89PNG")
    assert "with a score of 0.25 or more" in (folder / "report.html").read_text()


def test_a_network_that_needs_no_suppression_is_scored_without(tmp_path: Path) -> None:
    file = tmp_path / "ends.yaml"
    file.write_text(json.dumps({**TINY, "end2end": True}))
    data = Yolo(file=write_images(tmp_path / "data"), size=32)
    bundle = Detection().load(UltralyticsModel(arch=str(file), nms=False), data, Resources())
    (batch,) = bundle.data.evaluation
    output = capture(bundle.model, bundle.example)(*batch.inputs)
    assert output[0].shape == (4, 64, 6)  # as many boxes as there are anchors
    assert bundle.judgement.logits is not None
    assert bundle.judgement.logits(output).shape == (4, 2, 2 * 64)
    scorer = bundle.judgement.scorer()
    scorer.update(output, batch.target)
    assert scorer.compute()["mAP50"] == pytest.approx(0.0, abs=0.05)  # its weights are random


def scores(embedded: Bundle, graph: Graph, words: str) -> dict[int, float]:
    """Return the mAP50 of the conversion that some words describe, by timestep."""
    config = resolve([*CONVERTED, *words.split()], Registry())
    found = search_plan(config, graph, place(graph, config.layers), embedded, Resources())
    model = config.converter.convert(graph, found.plan, embedded.data.calibration, config.timesteps, Resources())
    trace = simulate(model, embedded.data.evaluation, config.checkpoints, embedded.judgement.scorer, Resources())
    return {point.timestep: point.scores["mAP50"] for point in trace.points}


def test_a_converted_detector_comes_close_with_bursts_and_not_with_rates(embedded: Bundle, graph: Graph) -> None:
    network = evaluate_network(graph, embedded.data, embedded.judgement.scorer, Resources())[0]["mAP50"]
    bursts = scores(embedded, graph, "plugin=adafire timesteps=8 checkpoints=[2,8]")
    rate = scores(embedded, graph, "plugin=rate timesteps=8 checkpoints=[8]")
    assert network > 0.85
    assert bursts[8] > network - 0.02
    assert bursts[8] > bursts[2]
    assert rate[8] < network - 0.5


def test_samples_may_leave_once_their_boxes_are_still(embedded: Bundle, graph: Graph) -> None:
    words = ["task=detection", "neuron=tracking", "neuron.phi=8", "exit=stability", "exit.threshold=0.8", "timesteps=6"]
    config = resolve(words, Registry())
    model = config.converter.convert(graph, place(graph, config.layers), embedded.data.calibration, 6, Resources())
    assert config.exit is not None
    rule = config.exit.prepare(model, embedded, 6, Resources())
    few: list[Batch] = [next(iter(embedded.data.evaluation))]
    trace = simulate(model, few, [6], embedded.judgement.scorer, Resources(), rule)
    assert sum(trace.exits.values()) == 16
    assert 2 <= min(trace.exits) < 6  # some leave early
    assert trace.final.steps < 5
    network = evaluate_network(
        model.graph,
        replace(embedded.data, evaluation=few),
        embedded.judgement.scorer,
        Resources(),
    )[0]["mAP50"]
    assert trace.final.scores["mAP50"] > network - 0.1
