from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors import safe_open

from snnfw_tasks.networks.checkpoint import load_weights
from snnfw_tasks.text.data import sentences
from snnfw_tasks.text.models.text import build_embedded
from tools import train_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _small_and_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Train on a few sentences, and leave process-wide settings."""
    monkeypatch.setattr(sentences, "COUNTS", {"train": 128, "calibration": 2, "test": 32})
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", train_text.EPOCHS)
def test_training_writes_weights_and_words_that_score_what_they_say(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made" / "net.safetensors"
    train_text.main([name, "--epochs", "1", "--out", str(out)])
    network = build_embedded(name).eval()
    load_weights(network, out)
    reached = train_text.score(network)
    with safe_open(out, "pt") as file:
        facts = file.metadata()
    assert facts == {
        "score": repr(reached),
        "command": f"python -m tools.train_text {name} --epochs 1 --out net.safetensors",
        "seed": "0",
        "torch": torch.__version__,
    }
    assert capsys.readouterr().out.endswith(f"{name}: test accuracy {reached:.4f}, weights in {out}\n")
    assert [path.name for path in out.parent.iterdir()] == ["net.safetensors"]
