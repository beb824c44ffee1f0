"""Every task with a loss trains with every method that learns, goes on bit for bit, and runs what it learnt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from boxed_images import write_images
from networks import seeded
from snnfw import pipeline
from snnfw.config.resolution import resolve
from snnfw.config.training import resolve_training
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.registry import Registry
from snnfw.train import train
from snnfw.training.checkpoint import WEIGHTS
from snnfw.training.fit import LAST
from snnfw.training.lines import EpochLines
from snnfw.values import Resources
from snnfw_tasks.pointcloud.sources import Cloud, Clouds, Head
from snnfw_tasks.samples.labelled import Preprocess
from snnfw_tasks.samples.masked import MaskedSplits

POINTS = 16
PARTS = {"cup": ("handle", "body"), "rod": ("one", "two")}
METHODS = {
    "inflor": ["plugin=inflor", "timesteps=2"],
    "ibra": ["plugin=ibra"],
    "lif": ["neuron=lif", "timesteps=2"],
    "ann": ["plugin=ann"],
}
SCORES = {
    "segmentation": {"mIoU", "pixel accuracy", "mIoU/floor", "mIoU/left", "mIoU/right"},
    "clouds": {"accuracy", "class_accuracy"},
    "parts": {"IoU", "class_IoU", "IoU/cup", "IoU/rod"},
    "detection": {"mAP50", "mAP50-95"},
}


class Pixels(nn.Sequential):
    def __init__(self, classes: int) -> None:
        super().__init__(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, classes, 1))


class Points(nn.Module):
    """The maximum over all points of what each is, and for parts each point beside it."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.parts = head.name == "parts"
        self.each = nn.Sequential(nn.Conv1d(3, 8, 1), nn.BatchNorm1d(8), nn.ReLU())
        self.out = nn.Conv1d(16 + head.categories, head.outputs, 1) if self.parts else nn.Linear(8, head.outputs)

    def forward(self, points: Tensor, category: Tensor | None = None) -> Tensor:
        each = self.each(points)
        whole = each.amax(2)
        if category is None:
            return self.out(whole)  # type: ignore[no-any-return]  # Linear
        beside = torch.cat([whole, category], 1)[:, :, None].expand(-1, -1, each.shape[2])
        return self.out(torch.cat([each, beside], 1))  # type: ignore[no-any-return]  # Conv1d


@dataclass(frozen=True, slots=True)
class PixelNet:
    """A network of one hidden layer."""

    name: ClassVar[str] = "pixel-net"
    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    def preprocess(self) -> None:
        return None

    def build(self, classes: int, resources: Resources) -> nn.Module:
        return seeded(lambda: Pixels(classes))


@dataclass(frozen=True, slots=True)
class PointNet:
    """A network of one hidden layer and a maximum."""

    name: ClassVar[str] = "point-net"
    tasks: ClassVar[tuple[str, ...]] = ("pointcloud",)

    def build(self, head: Head, resources: Resources) -> nn.Module:
        return seeded(lambda: Points(head))


@dataclass(frozen=True, slots=True)
class Drawn:
    """So many samples, each made of its index."""

    count: int
    make: Callable[[int], Any]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return self.make(index)


def masked(index: int) -> tuple[Tensor, Tensor]:
    image = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(index))
    labels = torch.zeros(8, 8, dtype=torch.long)
    labels[2:6, :4], labels[2:6, 4:] = 1, 2
    return image + torch.nn.functional.one_hot(labels, 3).permute(2, 0, 1) * 2, labels


def cloud(index: int) -> Cloud:
    points = torch.randn(POINTS, 3, generator=torch.Generator().manual_seed(index))
    points[:, 2] *= 1 + 4 * (index % 2)
    return Cloud(points / points.norm(dim=1).max(), index % 2, (points[:, 2] > 0).long() + 2 * (index % 2))


@dataclass(frozen=True, slots=True)
class Masks:
    """Squares of two halves."""

    name: ClassVar[str] = "halves"
    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    def open(self, preprocess: Preprocess | None) -> MaskedSplits:
        prepare = Preprocess(resize=8, crop=8, mean=(0.5,) * 3, std=(0.25,) * 3)
        classes = ("floor", "left", "right")
        return MaskedSplits(classes, prepare, lambda: Drawn(24, masked), Drawn(4, masked), Drawn(6, masked))


@dataclass(frozen=True, slots=True)
class Cups:
    """Clouds of two shapes with two parts each."""

    name: ClassVar[str] = "cups"
    tasks: ClassVar[tuple[str, ...]] = ("pointcloud",)

    def open(self) -> Clouds:
        return Clouds(tuple(PARTS), PARTS, POINTS, lambda: Drawn(24, cloud), Drawn(4, cloud), Drawn(6, cloud), turn=30)


@pytest.fixture(scope="module")
def registry() -> Registry:
    plugin = SimpleNamespace(
        __name__="toys",
        snnfw_register_models=hookimpl(lambda: [PixelNet, PointNet]),
        snnfw_register_data=hookimpl(lambda: [Masks, Cups]),
    )
    return Registry(plugins=[plugin])


TINY = {
    "nc": 2,
    "activation": "torch.nn.ReLU()",
    "reg_max": 4,
    "backbone": [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2]]],
    "head": [[[1], 1, "Detect", ["nc"]]],
}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the words of each task, with images for the detector."""
    root = tmp_path_factory.mktemp("boxed")
    (root / "tiny.yaml").write_text(json.dumps(TINY))
    data = write_images(root / "data", count=8)
    clouds = ["task=pointcloud", "model=point-net", "data=cups"]
    return {
        "segmentation": ["task=segmentation", "model=pixel-net", "data=halves"],
        "clouds": clouds,
        "parts": [*clouds, "task.head=parts"],
        "detection": [
            "task=detection",
            "model=ultralytics",
            f"model.arch={root / 'tiny.yaml'}",
            "data=yolo",
            f"data.file={data}",
            "data.size=32",
        ],
    }


def begin(registry: Registry, out: Path, *words: str) -> Path:
    given = ["trainer.optimizer=adam", "trainer.rate=0.01", "trainer.epochs=3", "trainer.batch=4", f"out={out}"]
    return train(resolve_training([*given, *words], registry))


def losses(folder: Path) -> list[float]:
    head, *rows = (folder / "log" / "metrics.csv").read_text().splitlines()
    return [float(row.split(",")[head.split(",").index("loss")]) for row in rows]


@pytest.mark.parametrize("task", SCORES)
@pytest.mark.parametrize("method", METHODS)
def test_a_task_trains_with_a_method_and_runs_what_it_learnt(
    registry: Registry, words: dict[str, list[str]], tmp_path: Path, task: str, method: str
) -> None:
    folder = begin(registry, tmp_path / "trained", *words[task], *METHODS[method])
    fallen = losses(folder)
    assert fallen[-1] < fallen[0]
    said = json.loads((folder / "training.json").read_text())["scores"]
    assert set(said) == {*SCORES[task], "loss"}
    report = pipeline.run(resolve([f"checkpoint={folder}", f"out={tmp_path / 'run'}"], registry), registry)
    reached = json.loads((report / "report.json").read_text())["checkpoints"][-1]["scores"]
    for name in SCORES[task]:
        assert reached[name] == pytest.approx(said[name], abs=1e-3), name


@pytest.mark.parametrize("task", SCORES)
def test_a_training_that_was_cut_off_ends_with_the_same_weights(
    registry: Registry, words: dict[str, list[str]], tmp_path: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = begin(registry, tmp_path / "whole", *words[task], *METHODS["lif"])
    cut = partial(begin, registry, tmp_path / "cut", *words[task], *METHODS["lif"])
    tell = EpochLines.on_train_epoch_end

    def stop(self: EpochLines, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt
        tell(self, trainer, pl_module)

    with monkeypatch.context() as patch:
        patch.setattr(EpochLines, "on_train_epoch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            cut()
    assert (tmp_path / "cut" / LAST).exists()
    torch.rand(10)
    resumed = train(resolve_training([f"resume={tmp_path / 'cut'}"], registry))
    ours, theirs = load_file(resumed / WEIGHTS), load_file(whole / WEIGHTS)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert losses(resumed) == losses(whole)


def test_a_detector_with_anchors_trains_with_its_own_loss(
    registry: Registry, words: dict[str, list[str]], tmp_path: Path
) -> None:
    kept = [word for word in words["detection"] if not word.startswith(("model", "data.size"))]
    slow = ["trainer.smoothing=0.1", "trainer.epochs=8", "trainer.rate=0.003", "data.augment.mosaic=0"]
    small = ["model=tiny-yolo", "model.scale=0.03125", "model.activation=relu", "data.size=64"]
    folder = begin(registry, tmp_path / "trained", *kept, *small, *METHODS["ibra"], *slow)
    fallen = losses(folder)
    assert fallen[-1] < fallen[0]


def test_images_without_a_box_are_no_training_data(
    registry: Registry, words: dict[str, list[str]], tmp_path: Path
) -> None:
    root = tmp_path / "data"
    file = write_images(root)
    shutil.rmtree(root / "labels" / "train")
    given = [word for word in words["detection"] if not word.startswith("data.file")]
    with pytest.raises(SnnfwError) as caught:
        begin(registry, tmp_path / "t", *given, f"data.file={file}", *METHODS["ibra"])
    assert str(caught.value) == (
        f"the train split of data 'yolo' holds no box, so nothing can be learnt: put a label file for each image beside "
        f"'{root / 'images' / 'train' / '000.jpg'}', under 'labels' instead of 'images'."
    )
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            ["model.arch=yolo26n.yaml", "model.nms=false", "data.size=64"],
            "'yolo26n.yaml' without suppression has no loss here: that head is trained beside the other one. Leave "
            "model.nms out, or train it with ultralytics and give model.weights.",
        ),
        (
            ["trainer.smoothing=0.1"],
            "trainer.smoothing=0.1: ultralytics' loss of a detector smooths no labels, so leave it out.",
        ),
    ],
)
def test_what_has_no_loss_is_refused_and_leaves_nothing(
    registry: Registry, words: dict[str, list[str]], tmp_path: Path, given: list[str], sentence: str
) -> None:
    keys = {word.split("=")[0] for word in given}
    kept = [word for word in words["detection"] if word.split("=")[0] not in keys]
    with pytest.raises(SnnfwError) as caught:
        begin(registry, tmp_path / "t", *kept, *given, *METHODS["lif"])
    assert str(caught.value) == sentence
    assert not (tmp_path / "t").exists()
