from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from snnfw.errors import SnnfwError
from snnfw_tasks.speech.data.waveforms import ClipFiles, Form, read_clip, resample

FORM = Form(rate=8000, samples=8000)

RAMP = (np.arange(4000) % 128 / 128 - 0.5).astype(np.float32)
"""Numbers that every width holds exactly."""


def tone(rate: int, seconds: float = 1.0, pitch: float = 500.0) -> Any:
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(round(rate * seconds)) / rate)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a RIFF file of chunks, padded to even lengths."""
    body = b"WAVE" + b"".join(
        name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2) for name, content in chunks
    )
    return b"RIFF" + len(body).to_bytes(4, "little") + body


FORMAT = (
    b"fmt ",
    b"".join(
        n.to_bytes(size, "little") for n, size in zip((1, 1, 8000, 16000, 2, 16), (2, 2, 4, 4, 2, 2), strict=True)
    ),
)
SAMPLES = (RAMP * 32768).astype("<i2").tobytes()

READ: dict[str, Callable[[Path], Any]] = {
    "16 bits": lambda path: soundfile.write(path, RAMP, 8000, "PCM_16"),
    "24 bits": lambda path: soundfile.write(path, RAMP, 8000, "PCM_24"),
    "32 bits": lambda path: soundfile.write(path, RAMP, 8000, "PCM_32"),
    "8 bits, which are not signed": lambda path: soundfile.write(path, RAMP, 8000, "PCM_U8"),
    "floats": lambda path: soundfile.write(path, RAMP, 8000, "FLOAT"),
    "doubles": lambda path: soundfile.write(path, RAMP, 8000, "DOUBLE"),
    "stereo, averaged": lambda path: soundfile.write(path, np.stack([RAMP + 0.25, RAMP - 0.25], 1), 8000, "FLOAT"),
    "chunks that nobody knows, of odd length": lambda path: path.write_bytes(
        riff((b"LIST", b"abc"), FORMAT, (b"what", b"12345"), (b"data", SAMPLES), (b"more", b"1"))
    ),
    "a size that was not known": lambda path: path.write_bytes(
        riff(FORMAT, (b"data", SAMPLES)).replace(b"data" + len(SAMPLES).to_bytes(4, "little"), b"data" + b"\xff" * 4)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_recording_is_read_whatever_its_width(name: str, tmp_path: Path) -> None:
    READ[name](tmp_path / "a.wav")
    clip = read_clip(str(tmp_path / "a.wav"), FORM, "waves")
    assert clip.shape == (1, 8000)
    assert clip.dtype == torch.float32
    assert clip[0, :4000].equal(torch.from_numpy(RAMP))
    assert (clip[0, 4000:] == 0).all()


@pytest.mark.parametrize("rate", [4000, 16000, 22050, 44100, 48000])
def test_another_rate_is_resampled(rate: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate), rate, "FLOAT")
    clip = read_clip(str(tmp_path / "a.wav"), FORM, "waves")[0]
    inside = slice(200, 7800)
    assert (clip[inside] - torch.from_numpy(tone(8000)).float()[inside]).abs().max() < 0.01


def test_what_a_lower_rate_cannot_hold_is_gone() -> None:
    high = tone(16000, pitch=6000.0)
    assert np.abs(resample(high, 16000, 8000)[200:-200]).max() < 0.01 < np.abs(high).max()
    assert resample(high, 8000, 8000) is high


def test_silence_is_a_recording(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(800), 8000)
    clip, label = ClipFiles([(str(tmp_path / "a.wav"), 3)], FORM, "waves")[0]
    assert label == 3
    assert (clip == 0).all()


def test_the_beginning_of_a_longer_recording_can_be_asked_for(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(8000, 1.5), 8000, "FLOAT")
    clip = read_clip(str(tmp_path / "a.wav"), Form(8000, 8000, "cut"), "waves")
    assert clip[0].equal(torch.from_numpy(tone(8000)).float())


def edited(path: Path, values: Any, kind: str = "FLOAT") -> None:
    soundfile.write(path, values, 8000, kind)


def renamed(path: Path, kind: str) -> None:
    soundfile.write(path, tone(8000), 8000, format=kind)


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "cannot be read as WAV: repair or remove it."),
    "no samples": (lambda path: soundfile.write(path, np.zeros(0), 8000), "holds no samples: repair or remove it."),
    "no WAV": (lambda path: path.write_text("hello"), "cannot be read as WAV: repair or remove it."),
    "a picture": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64)), "cannot be read as WAV: repair or remove it."),
    "no chunk of samples": (lambda path: path.write_bytes(riff(FORMAT)), "cannot be read as WAV: repair or remove it."),
    "cut within its head": (lambda path: path.write_bytes(riff(FORMAT, (b"data", SAMPLES))[:30]), "cannot be read as WAV: repair or remove it."),
    "cut within its samples": (
        lambda path: path.write_bytes(riff(FORMAT, (b"data", SAMPLES))[:-101]),
        "ends before its samples do: copy or extract it again.",
    ),
    "longer": (
        lambda path: soundfile.write(path, tone(16000, 1.25), 16000),
        "lasts 1.25 s and clips 1 s: raise data.seconds, or let data.longer=cut take the beginning of each.",
    ),
    "hardly longer": (
        lambda path: soundfile.write(path, tone(48000, 1 + 1 / 48000), 48000),
        "lasts 1.00002083 s and clips 1 s: raise data.seconds, or let data.longer=cut take the beginning of each.",
    ),
    "FLAC": (lambda path: renamed(path, "FLAC"), "is FLAC under the name of WAV: convert it."),
    "MP3": (lambda path: renamed(path, "MP3"), "is MP3 under the name of WAV: convert it."),
    "a rate of a damaged head": (
        lambda path: path.write_bytes(riff((FORMAT[0], FORMAT[1][:4] + (2_000_000_011).to_bytes(4, "little") + FORMAT[1][8:]), (b"data", SAMPLES))),
        "says that it has 2000000011 samples per second, and 100 to 1000000 are read: repair it.",
    ),
    "loud floats": (
        lambda path: edited(path, np.array([0.0, -3.0, 1.5])),
        "holds floats from -3 to 1.5 instead of -1 to 1: scale them, or save it with 16 bits.",
    ),
    "NaN": (lambda path: edited(path, np.array([0.0, np.nan])), "holds NaN or infinity: repair or remove it."),
    "a folder": (lambda path: path.mkdir(), "cannot be read as WAV: repair or remove it."),
    "nothing": (lambda path: None, "cannot be read as WAV: repair or remove it."),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_recording_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    write, problem = REFUSED[name]
    write(tmp_path / "a.wav")
    with pytest.raises(SnnfwError) as caught:
        read_clip(str(tmp_path / "a.wav"), FORM, "waves")
    assert str(caught.value) == f"recording '{tmp_path}/a.wav' of data 'waves' {problem}"


def test_resampling_without_scipy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.signal", None)
    assert resample(RAMP, 8000, 8000) is RAMP
    with pytest.raises(SnnfwError, match=r"resampling needs the package scipy: pip install 'snnfw\[speech\]'"):
        resample(RAMP, 8000, 4000)
