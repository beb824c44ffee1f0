from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors import safe_open

from snnfw_tasks.classification.augment import turn
from snnfw_tasks.classification.data.digits import Digits
from snnfw_tasks.classification.models.digits import build_untrained
from snnfw_tasks.networks.checkpoint import load_weights
from tools import train_digits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _process_wide_settings_stay() -> Iterator[None]:
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)


def test_training_writes_weights_that_score_what_they_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made" / "vgg.safetensors"
    train_digits.main(["--model", "digits-vgg", "--epochs", "2", "--out", str(out)])
    network = build_untrained("digits-vgg")
    load_weights(network, out)
    accuracy = train_digits.score(network)
    assert accuracy > 0.8  # guessing has a tenth
    with safe_open(out, "pt") as file:
        facts = file.metadata()
    assert facts == {
        "accuracy": repr(accuracy),
        "command": "python -m tools.train_digits --model digits-vgg --epochs 2 --out vgg.safetensors",
        "seed": "0",
        "torch": torch.__version__,
    }
    assert capsys.readouterr().out.endswith(f"digits-vgg: test accuracy {accuracy:.4f}, weights in {out}\n")
    assert [path.name for path in out.parent.iterdir()] == ["vgg.safetensors"]


def test_a_failure_leaves_the_old_weights_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "vgg.safetensors"
    out.write_bytes(b"old")

    def fail(network: torch.nn.Module) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(train_digits, "score", fail)
    with pytest.raises(KeyboardInterrupt):
        train_digits.save(build_untrained("digits-vgg"), "digits-vgg", 1, out)
    assert out.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["vgg.safetensors"]


def test_training_sees_only_the_training_split(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []

    def record(images: torch.Tensor) -> torch.Tensor:
        seen.append(images)
        return images

    monkeypatch.setattr(train_digits, "turn", record)
    train_digits.train("digits-vgg", epochs=1)
    data = Digits().open(None)
    known = {data.training[index][0].numpy().tobytes() for index in range(len(data.training))}
    assert len(torch.cat(seen)) == 896  # 14 whole batches of 64
    assert {image.numpy().tobytes() for image in torch.cat(seen)} <= known


def test_distortions_are_small_and_differ_from_sample_to_sample() -> None:
    image = torch.zeros(1, 1, 8, 8)
    image[..., 3:5, 3:5] = 1
    torch.manual_seed(0)
    images = turn(image.repeat(64, 1, 1, 1))
    place = torch.arange(8.0)
    mass = images.sum(dim=(1, 2, 3))
    centre = (images.sum(dim=(1, 2)) * place).sum(1) / mass
    assert not images[0].equal(images[1])
    assert ((centre - 3.5).abs() < 1.5).all()
    assert ((mass - 4).abs() < 1.5).all()
