from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors import safe_open

from snnfw_tasks.networks.checkpoint import load_weights
from snnfw_tasks.scenes import masks as scenes_masks
from snnfw_tasks.scenes.draw import draw_scene
from snnfw_tasks.scenes.files import scenes_folder
from snnfw_tasks.segmentation.models.scenes import build_untrained
from tools import train_scenes_segmentation as training

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(scenes_masks, "scenes_folder", partial(scenes_folder, counts={"train": 1, "val": 1, "test": 3}))
    monkeypatch.setattr(training, "BATCH", 2)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_training_writes_weights_that_score_what_they_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made" / "fcn.safetensors"
    training.main(["--steps", "3", "--out", str(out)])
    network = build_untrained()
    load_weights(network, out)
    scores = training.score(network)
    with safe_open(out, "pt") as file:
        facts = file.metadata()
    assert json.loads(facts.pop("scores")) == scores
    assert list(scores) == ["mIoU", "pixel accuracy"]
    assert facts == {
        "command": "python -m tools.train_scenes_segmentation --steps 3 --out fcn.safetensors",
        "seed": "0",
        "torch": torch.__version__,
    }
    assert capsys.readouterr().out == (
        f"scenes-fcn: test mIoU {scores['mIoU']:.4f}, pixel accuracy {scores['pixel accuracy']:.4f}, weights in {out}\n"
    )
    assert [path.name for path in out.parent.iterdir()] == ["fcn.safetensors"]


def test_training_again_gives_the_same_weights() -> None:
    torch.set_num_threads(1)
    one, same = (training.train(2).state_dict() for _ in range(2))
    assert all(one[key].equal(same[key]) for key in one)


def test_training_sees_ever_new_scenes_of_the_training_digits() -> None:
    images, labels = training.DrawnScenes(5)[4]
    scene = draw_scene("train", 4)
    assert torch.equal(images, torch.from_numpy(scene.image).permute(2, 0, 1))
    assert torch.equal(labels, torch.from_numpy(scene.labels).long())


def test_a_failure_leaves_the_old_weights_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "made" / "fcn.safetensors"
    out.parent.mkdir()
    out.write_bytes(b"old")

    def fail(network: torch.nn.Module) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "score", fail)
    with pytest.raises(KeyboardInterrupt):
        training.save(build_untrained(), 1, out)
    assert out.read_bytes() == b"old"
    assert [path.name for path in out.parent.iterdir()] == ["fcn.safetensors"]
