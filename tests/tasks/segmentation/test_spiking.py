from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import pytest
import torch
from torch import nn

from read_back import read_back
from snnfw import Registry, resolve, run
from snnfw.capture.export import capture
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.simulate.run import evaluate_network, simulate
from snnfw.values import Bundle, Resources
from snnfw_tasks.samples.masked import MaskedSplits
from snnfw_tasks.scenes.draw import draw_scene
from snnfw_tasks.scenes.files import CLASSES, PREPARE

normalise = pytest.importorskip(
    "tools.train_scenes_segmentation", reason="makers of weights are in the repository alone"
).normalise

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from snnfw.capture.graph import Graph
    from snnfw.config.schema import RunConfig
    from snnfw.simulate.trace import Trace
    from snnfw_tasks.samples.labelled import Preprocess

REGISTRY = Registry()
A_POINT = 0.01


@dataclass(frozen=True, slots=True)
class Drawn:
    """Scenes of a split that need no files."""

    split: str
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        scene = draw_scene(self.split, index)
        image = torch.from_numpy(scene.image).permute(2, 0, 1)
        return normalise(image), torch.from_numpy(scene.labels).long()


@dataclass(frozen=True, slots=True)
class FewScenes:
    name: ClassVar[str] = "few-scenes"
    tasks: ClassVar[tuple[str, ...]] = ()

    def open(self, preprocess: Preprocess | None) -> MaskedSplits:
        return MaskedSplits(CLASSES, PREPARE, lambda: Drawn("train", 8), Drawn("val", 8), Drawn("test", 10))


def configured(words: str) -> RunConfig:
    return replace(resolve(["task=segmentation", *words.split()], REGISTRY), data=FewScenes())


@dataclass(frozen=True, slots=True)
class Ground:
    bundle: Bundle
    graph: Graph
    score: float

    def trace(self, words: str) -> Trace:
        config = configured(words)
        plan, resources = place(self.graph, config.layers), Resources()
        model = config.converter.convert(self.graph, plan, self.bundle.data.calibration, config.timesteps, resources)
        rule = config.exit.prepare(model, self.bundle, config.timesteps, resources) if config.exit else None
        return simulate(
            model, self.bundle.data.evaluation, config.checkpoints, self.bundle.judgement.scorer, resources, rule
        )


@pytest.fixture(scope="module")
def ground() -> Ground:
    config = configured("plugin=adafire")
    bundle = config.task.load(config.model, config.data, Resources())
    graph = capture(bundle.model, bundle.example)
    return Ground(bundle, graph, evaluate_network(graph, bundle.data, bundle.judgement.scorer, Resources())[0]["mIoU"])


def test_the_task_comes_without_search_and_exit() -> None:
    config = resolve(["task=segmentation", "plugin=adafire"], REGISTRY)
    assert (config.timesteps, config.search, config.exit) == (8, None, None)
    assert config.data.name == "scenes"


def test_bursts_come_nearer_to_the_network_with_time_and_lead_rate_coding(ground: Ground) -> None:
    bursts = {
        point.timestep: point.scores["mIoU"]
        for point in ground.trace("plugin=adafire timesteps=16 checkpoints=[1,16]").points
    }
    assert ground.score > 0.7
    assert bursts[16] > ground.score - A_POINT
    assert bursts[1] < ground.score - 0.3
    assert ground.trace("plugin=rate timesteps=8 checkpoints=[8]").final.scores["mIoU"] < ground.score - 0.4


def test_images_whose_pixels_are_sure_leave_early(ground: Ground) -> None:
    whole = ground.trace("plugin=adafire timesteps=4 checkpoints=[4]").final
    early = ground.trace("plugin=adafire timesteps=4 checkpoints=[4] exit=confidence exit.threshold=0.97").final
    assert early.steps < 0.7 * whole.steps
    assert early.scores["mIoU"] > whole.scores["mIoU"] - 2 * A_POINT


def test_a_run_leaves_pictures_and_the_scores_of_every_class(tmp_path: Path) -> None:
    config = configured(f"plugin=adafire timesteps=2 task.limit=4 task.calibration=4 out={tmp_path / 'run'}")
    folder = run(config, REGISTRY)
    report = read_back(folder)
    assert (folder / "pictures" / "segments.png").read_bytes().startswith(b"\x89PNG")
    assert "mIoU/background" in report["network"]["scores"]
    scores = [of["scores"]["pixel accuracy"] for of in (report["checkpoints"][-1], report["network"])]
    assert scores[0] > scores[1] - A_POINT  # background everywhere has 7 points less
    assert "the class of every pixel" in (folder / "report.html").read_text()


def test_a_network_without_a_site_is_an_error() -> None:
    graph = capture(nn.Conv2d(3, 11, 1).eval(), (torch.zeros(2, 3, 8, 8),))
    with pytest.raises(SnnfwError) as caught:
        place(graph, configured("plugin=adafire").layers)
    assert str(caught.value) == "the network has no activation function that a neuron could stand in for."
