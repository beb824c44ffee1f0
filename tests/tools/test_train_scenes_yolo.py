from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from snnfw_tasks.detection.models.networks import from_yaml
from snnfw_tasks.detection.models.scenes import architecture, read_detector
from snnfw_tasks.scenes.files import scenes_folder
from tools import train_scenes_yolo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def few_scenes(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))

    def few(*splits: str) -> Path:
        return scenes_folder(*splits, counts={"train": 16, "val": 4, "test": 4})

    monkeypatch.setattr(train_scenes_yolo, "scenes_folder", few)
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def test_training_writes_weights_that_say_what_they_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made" / "relu.safetensors"
    train_scenes_yolo.main(["relu", "--epochs", "1", "--out", str(out)])
    told = capsys.readouterr().out  # before scoring anew, which may show its progress
    with safe_open(out, "pt") as file:
        facts = file.metadata()
    scores = train_scenes_yolo.score(read_detector(out), tmp_path)
    assert json.loads(facts["scores"]) == scores
    assert json.loads(facts["yaml"])["activation"] == "torch.nn.ReLU()"
    assert json.loads(facts["names"]) == list("0123456789")
    assert facts["command"] == "python -m tools.train_scenes_yolo relu --epochs 1 --out relu.safetensors"
    assert told.endswith(
        f"relu: test mAP50 {scores['mAP50']:.4f}, mAP50-95 {scores['mAP50-95']:.4f}, weights in {out}\n"
    )
    assert [path.name for path in out.parent.iterdir()] == ["relu.safetensors"]


def test_a_training_can_be_repeated_bit_for_bit(tmp_path: Path) -> None:
    for name in ("one", "two"):
        train_scenes_yolo.main(["silu", "--epochs", "1", "--out", str(tmp_path / f"{name}.safetensors")])
    one, two = (load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two"))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_failure_leaves_the_old_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "relu.safetensors"
    out.write_bytes(b"old")

    def fail(network: Any, folder: Path) -> dict[str, float]:
        raise KeyboardInterrupt

    monkeypatch.setattr(train_scenes_yolo, "score", fail)
    network = from_yaml(architecture("relu", 10), tuple("0123456789"), "relu", trust=False)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(KeyboardInterrupt):
        train_scenes_yolo.save(network, "relu", 1, out, scratch)
    assert out.read_bytes() == b"old"
