from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from snnfw.errors import SnnfwError
from snnfw_tasks.speech import library
from snnfw_tasks.speech.data.folders import Waves
from wave_files import write_tone, write_waves

EXPECTED = "train/CLASS/*.wav, test/CLASS/*.wav (or val/) and, optionally, calibration/CLASS/*.wav"


def test_a_folder_per_class_in_a_folder_per_split(tmp_path: Path) -> None:
    data = Waves(write_waves(tmp_path)).open(None)
    assert (data.classes, data.shape) == (("a", "b"), (1, 8000))
    assert [data.evaluation[index][1] for index in range(4)] == [0, 0, 1, 1]
    assert data.calibration.files == data.training.files  # type: ignore[attr-defined]  # these are files


def test_other_splits_are_taken_where_they_are_there(tmp_path: Path) -> None:
    write_waves(tmp_path, ("train", "val"))
    write_waves(tmp_path, ("calibration",), count=3)
    data = Waves(tmp_path, rate=16000, seconds=0.5).open(None)
    assert data.shape == (1, 8000)
    assert [len(split) for split in (data.training, data.calibration, data.evaluation)] == [4, 6, 4]
    assert data.reading is not None
    assert data.reading.read == {"train": 4, "calibration": 6, "val": 4}


def test_mono_and_stereo_and_any_rate_may_lie_together(tmp_path: Path) -> None:
    write_waves(tmp_path)
    write_tone(tmp_path / "test/a/0.wav", 300.0, rate=44100, channels=2)
    write_tone(tmp_path / "test/a/1.wav", 300.0)
    evaluation = Waves(tmp_path).open(None).evaluation
    stereo, mono = (evaluation[index][0] for index in (0, 1))
    assert (stereo - mono)[0, 100:3900].abs().max() < 0.01


def test_training_clips_are_shifted_by_as_much_as_is_said(tmp_path: Path) -> None:
    write_waves(tmp_path)
    assert Waves(tmp_path, shift=0.0).open(None).augment is None
    augment = Waves(tmp_path, shift=0.25).open(None).augment
    assert augment is not None
    wave = torch.zeros(64, 1, 100)
    wave[:, :, 50] = 1
    moved = augment(wave)[:, 0].argmax(1) - 50
    assert -25 <= moved.min() < -10 < 10 < moved.max() <= 25


def remove(root: Path, pattern: str) -> None:
    for file in root.glob(pattern):
        file.unlink()


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no test": (
        lambda root: (root / "test").rename(root / "exam"),
        f"data 'waves' finds no folder '{{0}}/test' or '{{0}}/val': expected under '{{0}}' are {EXPECTED}.",
    ),
    "a word's folder that is empty": (
        lambda root: remove(root, "train/b/*"),
        "data 'waves' has no recording of the class 'b' in '{}/train': every split needs every class.",
    ),
    "recordings of another format alone": (
        lambda root: [file.rename(file.with_suffix(".mp3")) for file in list(root.glob("test/a/*"))],
        "data 'waves' has no recording of the class 'a' in '{}/test': every split needs every class.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    change, message = REFUSED[name]
    change(write_waves(tmp_path))
    with pytest.raises(SnnfwError) as caught:
        Waves(tmp_path).open(None)
    assert str(caught.value) == message.format(tmp_path)


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (ModuleNotFoundError("no"), "reading WAV files needs the package soundfile: pip install 'snnfw[speech]'."),
        (OSError("no"), "soundfile needs the system library libsndfile: apt-get install libsndfile1."),
    ],
)
def test_a_library_that_is_missing_is_named(
    error: Exception, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import builtins

    imported = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> Any:
        if name == "soundfile":
            raise error
        return imported(name, *args, **options)

    library.require_soundfile.cache_clear()
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(SnnfwError) as caught:
        Waves(write_split(tmp_path)).open(None)
    assert str(caught.value) == cure
    library.require_soundfile.cache_clear()


def write_split(root: Path) -> Path:
    """Write files that nobody gets to read."""
    for place in ("train/a", "train/b", "test/a", "test/b"):
        (root / place).mkdir(parents=True)
        (root / place / "0.wav").touch()
    return root


def test_files_in_capitals_and_deeper_folders_count(tmp_path: Path) -> None:
    write_waves(tmp_path)
    (tmp_path / "test/a/speaker").mkdir()
    soundfile.write(tmp_path / "test/a/speaker/2.WAV", np.zeros(80), 8000)
    assert len(Waves(tmp_path).open(None).evaluation) == 5
