from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors import safe_open

from snnfw_tasks.networks.checkpoint import load_weights
from snnfw_tasks.pointcloud.data import shapes
from snnfw_tasks.pointcloud.models.pointnet import build_embedded
from tools import train_pointnet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _small_and_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Train on a few clouds of a few points, with a cache of its own, and leave process-wide settings."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(shapes, "COUNTS", {"train": 6, "calibration": 1, "test": 2})
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("head", "metric"), [("cls", "accuracy"), ("parts", "IoU")])
def test_training_writes_weights_that_score_what_they_say(
    head: Any, metric: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made" / "net.safetensors"
    train_pointnet.main([head, "--epochs", "1", "--out", str(out)])
    network = build_embedded(head).eval()
    load_weights(network, out)
    reached = train_pointnet.score(network, head)
    with safe_open(out, "pt") as file:
        facts = file.metadata()
    assert facts == {
        "score": repr(reached),
        "command": f"python -m tools.train_pointnet {head} --epochs 1 --out net.safetensors",
        "seed": "0",
        "torch": torch.__version__,
    }
    assert capsys.readouterr().out.endswith(f"{head}: test {metric} {reached:.4f}, weights in {out}\n")
    assert [path.name for path in out.parent.iterdir()] == ["net.safetensors"]


def test_a_failure_leaves_the_old_weights_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "made" / "net.safetensors"
    out.parent.mkdir()
    out.write_bytes(b"old")

    def fail(network: torch.nn.Module, head: str) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(train_pointnet, "score", fail)
    with pytest.raises(KeyboardInterrupt):
        train_pointnet.save(build_embedded("cls"), "cls", 1, out)
    assert out.read_bytes() == b"old"
    assert [path.name for path in out.parent.iterdir()] == ["net.safetensors"]


def test_transforms_of_features_are_kept_near_rotations() -> None:
    learner = train_pointnet.PointNetTraining(build_embedded("cls"), "cls", 1)
    learner.log = lambda *args, **options: None  # type: ignore[method-assign]  # it needs a trainer
    batch = [torch.randn(4, 3, 8), torch.zeros(4, dtype=torch.long), torch.zeros(4, 8, dtype=torch.long)]
    bias = learner.network.get_parameter("feat.fstn.fc3.bias")
    with torch.no_grad():
        bias.fill_(10.0)
        losses = [float(learner.training_step(batch, 0))]
        bias.zero_()
        losses.append(float(learner.training_step(batch, 0)))
    assert losses[0] > 10 * losses[1]
