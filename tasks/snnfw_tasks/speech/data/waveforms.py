"""Read WAV files of any rate, width and number of channels as waveforms of one rate and one length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from snnfw import SnnfwError
from snnfw_tasks.speech.library import require_resampling, require_soundfile

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

SUFFIXES = (".wav",)

FORMATS = ("WAV", "WAVEX", "RF64")
"""What libsndfile calls WAV; it reads others under that name too, and some of those lose what they hold."""

RATES = (100, 1_000_000)
"""Rates outside of these are no recording's, but a damaged head's."""

UNKNOWN_SIZE = 0xFFFFFFFF
"""What is written for the size of a chunk by who does not know it yet."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a clip becomes a sample: at which ``rate``, of so many samples, and what becomes of longer ones."""

    rate: int
    samples: int
    longer: Literal["refuse", "cut"] = "refuse"


@dataclass(frozen=True, slots=True)
class ClipFiles:
    """WAV files with their labels, read and prepared one by one; ``data`` names the data set in errors."""

    files: Sequence[tuple[str, int]]
    form: Form
    data: str

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.files[index]
        return read_clip(path, self.form, self.data), label


def read_clip(path: str, form: Form, data: str) -> Tensor:
    """Return a file's waveform [1, samples]: channels averaged, resampled, silence put after its end."""
    wave, rate = decode(path, data)
    if not wave.size:
        raise _error(path, data, "holds no samples: repair or remove it")
    found = resample(wave.mean(1), rate, form.rate)
    if len(found) > form.samples and form.longer == "refuse":
        raise _error(
            path,
            data,
            f"lasts {len(wave) / rate:.9g} s and clips {form.samples / form.rate:.9g} s: raise data.seconds, or let "
            "data.longer=cut take the beginning of each",
        )
    clip = torch.zeros(1, form.samples)
    kept = found[: form.samples]
    clip[0, : len(kept)] = torch.from_numpy(np.ascontiguousarray(kept, np.float32))
    return clip


def decode(path: str, data: str) -> tuple[NDArray[np.float32], int]:
    """Return what a file holds, [samples, channels] from -1 to 1, and its rate."""
    soundfile = require_soundfile()
    try:
        with soundfile.SoundFile(path) as file:
            rate, promised, kind = file.samplerate, file.frames, file.subtype
            _require_head(file.format, rate, path, data)
            wave: NDArray[np.float32] = file.read(dtype="float32", always_2d=True)
        cut = ends_early(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise _error(path, data, "cannot be read as WAV: repair or remove it") from error
    if cut or len(wave) < promised:
        raise _error(path, data, "ends before its samples do: copy or extract it again")
    _require_range(wave, kind, path, data)
    return wave, rate


def _require_head(kind: str, rate: int, path: str, data: str) -> None:
    """Raise an SnnfwError unless a file is what its name says, at a rate that recordings have."""
    if kind not in FORMATS:
        raise _error(path, data, f"is {kind} under the name of WAV: convert it")
    if not RATES[0] <= rate <= RATES[1]:
        raise _error(
            path, data, f"says that it has {rate} samples per second, and {RATES[0]} to {RATES[1]} are read: repair it"
        )


def _require_range(wave: NDArray[np.float32], kind: str, path: str, data: str) -> None:
    """Raise an SnnfwError where floats have no known loudest value; whole numbers are scaled by their width."""
    if kind not in ("FLOAT", "DOUBLE") or not wave.size:
        return
    if not np.isfinite(wave).all():
        raise _error(path, data, "holds NaN or infinity: repair or remove it")
    if np.abs(wave).max() > 1:
        reach = f"from {wave.min():.4g} to {wave.max():.4g}"
        raise _error(path, data, f"holds floats {reach} instead of -1 to 1: scale them, or save it with 16 bits")


def ends_early(path: str) -> bool:
    """Tell whether a RIFF file is shorter than its chunk of samples says, which libsndfile takes in silence.

    Chunks of any other kind are passed over.
    """
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return False
        while len(chunk := file.read(8)) == 8:
            length = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"data":
                return length != UNKNOWN_SIZE and file.tell() + length > size
            file.seek(length + length % 2, 1)
    return True


def resample(wave: NDArray[Any], given: int, wanted: int) -> NDArray[Any]:
    """Return a waveform at another rate: ⌈L · wanted / given⌉ samples, without what lies above half of either rate."""
    if given == wanted:
        return wave
    common = math.gcd(given, wanted)
    resampled: NDArray[Any] = require_resampling()(wave.astype(np.float64), wanted // common, given // common)
    return resampled


def _error(path: str, data: str, problem: str) -> SnnfwError:
    return SnnfwError(f"recording '{path}' of data '{data}' {problem}.")
