"""Every converter, search, exit, energy model, preset, task, model and data set that is registered keeps its contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from boxed_images import write_images
from snnfw.checks.named import check_named
from snnfw.contracts.sources import DataSource, ModelSource, missing_names, source_contract
from snnfw.kinds import SOURCES
from snnfw.registry import Registry
from wave_files import write_waves

REGISTRY = Registry()

STAGES = [
    (kind, name)
    for kind in ("converters", "searches", "exit_policies", "energy_models", "presets", "tasks", "trackers")
    for name in REGISTRY.all(kind)
]
WORDS = {
    ("exit_policies", "fixed"): ["exit.timestep=2"],
    ("searches", "optuna"): ["search.trials=4"],
    ("trackers", "mlflow"): ["tracker.uri=store"],
    ("trackers", "wandb"): ["tracker.mode=offline"],
}
"""What needs a parameter, or would take long without one, or ask a server."""

ELSEWHERE = {("presets", "qcfs"): "rule '* (qcfs)' places nothing"}
"""What is for other networks than the small one that stages are tried on."""

MODELS = {
    "callable": ["model.target=networks:contract_network", "task=classification"],
    "cifar-resnet": ["model.channels=1", "model.depth=8", "model.width=4", "task=classification"],
    "cifar-resnet18": ["model.channels=2", "model.width=8", "task=events"],
    "resnet19": ["model.channels=2", "model.width=8", "task=events"],
    "resnet20": ["model.channels=2", "model.width=8", "task=events"],
    "spike-yolo": ["model.width=0.0625", "model.depth=0.1", "model.side=64", "data.size=64"],
    "timm": ["model.arch=resnet10t", "model.args.in_chans=1", "task=classification"],
    "torchvision": ["model.arch=lraspp_mobilenet_v3_large", "task=segmentation"],
    "ultralytics": ["model.arch=yolov3-tiny.yaml"],
}
"""Words for models that do not fit the default data, that need to be told which one they are, or that are large."""

NOT_FOR_DEFAULTS = {"vgg16": "its five stages need images of 32 pixels"}
"""Models that fit no embedded data, each with the reason; their own tests build them."""


def noise(path: Path, seed: int, values: int = 256) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, values, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels if values == 256 else pixels[:, :, 0]).save(path)


def folders(root: Path) -> list[str]:
    for seed, split in enumerate(("train", "test")):
        for label, name in enumerate(("ant", "bee")):
            for index in range(4):
                noise(root / split / name / f"{index}.png", 100 * seed + 10 * label + index)
    return [f"data.root={root}", "data.size=16", "model=cifar-resnet", "model.depth=8"]


def masked(root: Path) -> list[str]:
    for seed, split in enumerate(("train", "test")):
        for index in range(4):
            noise(root / split / "images" / f"{index}.png", 10 * seed + index)
            noise(root / split / "masks" / f"{index}.png", 10 * seed + index, values=2)
    network = ["model=torchvision", "model.arch=lraspp_mobilenet_v3_large"]
    return [f"data.root={root}", "data.classes=[grass,sky]", "data.size=32", *network]


def boxed(root: Path) -> list[str]:
    return [f"data.file={write_images(root)}", "data.size=64", "model=ultralytics", "model.arch=yolov3-tiny.yaml"]


def clouds(root: Path) -> list[str]:
    for seed, split in enumerate(("train", "test")):
        for label, name in enumerate(("ball", "box")):
            for index in range(3):
                file = root / split / name / f"{index}.xyz"
                file.parent.mkdir(parents=True, exist_ok=True)
                places = np.random.default_rng(100 * seed + 10 * label + index).normal(size=(40, 3))
                file.write_text("".join(f"{x} {y} {z}\n" for x, y, z in places))
    return [f"data.root={root}", "data.points=32", "model=pointnet", "model.width=0.1"]


def waves(root: Path) -> list[str]:
    return [f"data.root={write_waves(root, count=4)}", "model=m5", "model.widths=[8,8,8,8]"]


def texts(root: Path) -> list[str]:
    for split in ("train", "test"):
        for label, words in (("glad", "a good one"), ("sad", "a bad one")):
            for index in range(4):
                file = root / split / label / f"{index}.txt"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{words} {split} {index}", encoding="utf-8")
    return [f"data.root={root}", *TRANSFORMER]


def tables(root: Path) -> list[str]:
    root.mkdir()
    for split in ("train", "test"):
        rows = [f"{'good' if index % 2 else 'bad'} {split} {index},{index % 2}" for index in range(8)]
        (root / f"{split}.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return [f"data.train={root / 'train.csv'}", f"data.test={root / 'test.csv'}", *TRANSFORMER]


TRANSFORMER = ["model=transformer", "task.length=8"]

FILES: dict[str, Callable[[Path], list[str]]] = {
    "folder": folders,
    "masks": masked,
    "yolo": boxed,
    "clouds": clouds,
    "waves": waves,
    "texts": texts,
    "csv": tables,
}
"""Data sets that are tried on a few files of their own."""

PUBLISHED = {
    *("cifar10", "cifar100", "imagenet", "cifar10-dvs", "ncaltech101", "ncars", "dvs-gesture", "shapenet-part"),
    *("modelnet40", "voc", "coco", "action-recognition", "speech-commands", "imdb"),
}
"""Data sets whose files nobody has here; their own tests write some of the same form."""


def checked(kind: str, name: str, words: list[str]) -> None:
    verdicts = list(check_named(REGISTRY, kind, name, words))
    assert verdicts
    assert [line for verdict in verdicts for line in verdict.lines if not verdict.passed] == []


@pytest.mark.parametrize(("kind", "name"), [stage for stage in STAGES if stage not in ELSEWHERE])
def test_a_stage_keeps_its_contract(kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database takes seconds to be made
    checked(kind, name, WORDS.get((kind, name), []))


@pytest.mark.parametrize("name", [name for name in REGISTRY.models if name not in NOT_FOR_DEFAULTS])
def test_a_model_keeps_its_contract(name: str) -> None:
    checked("models", name, MODELS.get(name, []))


@pytest.mark.parametrize("name", [name for name in REGISTRY.data if name not in PUBLISHED])
def test_a_data_set_keeps_its_contract(name: str, tmp_path: Path) -> None:
    checked("data", name, FILES[name](tmp_path / "data") if name in FILES else [])


@pytest.mark.parametrize(("kind", "name"), ELSEWHERE)
def test_what_is_for_other_networks_is_not_tried(kind: str, name: str) -> None:
    [verdict] = check_named(REGISTRY, kind, name)
    assert (verdict.untried or "").startswith(ELSEWHERE[kind, name])


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_what_needs_files_is_not_tried(name: str) -> None:
    for verdict in check_named(REGISTRY, "data", name):
        assert verdict.untried == f"data set '{name}' needs a value for 'root': give data.root=..."
        assert not verdict.passed


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_has_what_each_of_its_tasks_asks_for(kind: str) -> None:
    contract = {"models": ModelSource, "data": DataSource}[kind]
    for source in REGISTRY.all(kind).values():
        assert missing_names(source, contract) == []
        for task in source.tasks:
            assert missing_names(source, source_contract(REGISTRY.tasks[task], SOURCES[kind])) == [], (source, task)
