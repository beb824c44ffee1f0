from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors import safe_open

from snnfw_tasks.networks.checkpoint import load_weights
from snnfw_tasks.speech.augment import shift
from snnfw_tasks.speech.data import words
from snnfw_tasks.speech.data.words import SpokenWords, load_split
from snnfw_tasks.speech.models.m5 import build_embedded
from tools import train_speech

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _process_wide_settings_stay(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(words, "COUNTS", {"train": 20, "calibration": 2, "test": 10})
    load_split.cache_clear()
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)
    load_split.cache_clear()


def test_training_writes_weights_that_score_what_they_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made" / "m5.safetensors"
    train_speech.main(["--epochs", "3", "--out", str(out)])
    network = build_embedded()
    load_weights(network, out)
    accuracy = train_speech.score(network)
    with safe_open(out, "pt") as file:
        facts = file.metadata()
    assert facts == {
        "accuracy": repr(accuracy),
        "command": "python -m tools.train_speech --epochs 3 --out m5.safetensors",
        "seed": "0",
        "torch": torch.__version__,
    }
    assert capsys.readouterr().out.endswith(f"m5-words: test accuracy {accuracy:.4f}, weights in {out}\n")
    assert [path.name for path in out.parent.iterdir()] == ["m5.safetensors"]


def test_training_sees_only_the_training_split_and_shifts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []

    def record(waves: torch.Tensor) -> torch.Tensor:
        seen.append(waves)
        return shift(waves)

    monkeypatch.setattr(train_speech, "shift", record)
    train_speech.train(epochs=1)
    data = SpokenWords().open(None)
    known = {data.training[index][0].numpy().tobytes() for index in range(len(data.training))}
    assert len(torch.cat(seen)) == 192  # three whole batches of 64
    assert {wave.numpy().tobytes() for wave in torch.cat(seen)} <= known
