from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open

from snnfw import Registry, resolve
from snnfw.capture.export import capture
from snnfw.planning.placement import place
from snnfw.values import Resources
from snnfw_tasks.networks.shipped import shipped_weights
from snnfw_tasks.scenes.draw import draw_scene
from snnfw_tasks.segmentation.models.scenes import ScenesFcnModel
from snnfw_tasks.segmentation.models.scenes_fcn import ScenesFcn
from snnfw_tasks.segmentation.scores import PixelScores

normalise = pytest.importorskip(
    "tools.train_scenes_segmentation", reason="makers of weights are in the repository alone"
).normalise


@pytest.mark.parametrize("side", [32, 128])
def test_every_pixel_gets_a_logit_of_every_class(side: int) -> None:
    with torch.no_grad():
        assert ScenesFcn(5).eval()(torch.zeros(2, 3, side, side)).shape == (2, 5, side, side)


def test_every_layer_behind_the_first_reads_spikes() -> None:
    graph = capture(ScenesFcn(5).eval(), (torch.zeros(2, 3, 32, 32),))
    plan = place(graph, resolve(["task=segmentation", "plugin=adafire"], Registry()).layers)
    charged = [fate for fate in plan.fates.values() if fate.macs]
    assert [fate.events for fate in charged] == [False] + [True] * 8
    assert plan.spiking_share > 0.9


def test_the_shipped_weights_are_small_and_say_how_they_were_made() -> None:
    with safe_open(shipped_weights(ScenesFcnModel.name), "pt") as file:
        facts = file.metadata()
    assert shipped_weights(ScenesFcnModel.name).stat().st_size < 1_000_000
    assert json.loads(facts["scores"])["mIoU"] > 0.7
    assert facts["command"].startswith("python -m tools.train_scenes_segmentation")


def test_the_shipped_weights_score_about_what_they_say_on_a_part_of_the_test_scenes() -> None:
    network = ScenesFcnModel().build(11, Resources()).eval()
    scenes = [draw_scene("test", index) for index in range(48)]
    images = torch.stack([torch.from_numpy(scene.image).permute(2, 0, 1) for scene in scenes])
    scorer = PixelScores([str(label) for label in range(11)])
    with torch.no_grad():
        scorer.update(network(normalise(images)), torch.stack([torch.from_numpy(s.labels).long() for s in scenes]))
    with safe_open(shipped_weights(ScenesFcnModel.name), "pt") as file:
        told = json.loads(file.metadata()["scores"])
    assert scorer.compute()["mIoU"] == pytest.approx(told["mIoU"], abs=0.06)
