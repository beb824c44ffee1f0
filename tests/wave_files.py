"""WAV files for tests: tones of a length and rate, in the layouts of data sets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile


def write_tone(path: Path, pitch: float = 400.0, rate: int = 16000, seconds: float = 0.5, channels: int = 1) -> None:
    """Write a tone of 16 bits, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.5 * np.sin(2 * np.pi * pitch * np.arange(round(rate * seconds)) / rate)
    soundfile.write(path, np.repeat(tone[:, None], channels, 1), rate, "PCM_16")


def write_waves(root: Path, splits: Iterable[str] = ("train", "test"), classes: str = "ab", count: int = 2) -> Path:
    """Write so many tones of each class in each split, as ``data=waves`` reads them."""
    for place, split in enumerate(splits):
        for number, name in enumerate(classes):
            for index in range(count):
                write_tone(root / split / name / f"{index}.wav", 300.0 * (number + 1) + 10 * index + 5 * place)
    return root


def write_commands(root: Path, words: Iterable[str] = ("no", "yes"), speakers: int = 10) -> Path:
    """Write Speech Commands in small: a clip of each speaker and word, lists, noise and papers."""
    names = {word: [f"{speaker:08x}_nohash_0.wav" for speaker in range(speakers)] for word in words}
    for number, (word, files) in enumerate(names.items()):
        for index, name in enumerate(files):
            write_tone(root / word / name, 300.0 * (number + 1) + 5 * index)
    write_tone(root / "_background_noise_" / "pink_noise.wav", seconds=3.0)
    for name, which in (("validation_list.txt", slice(0, 2)), ("testing_list.txt", slice(2, 4))):
        (root / name).write_text("".join(f"{word}/{file}\n" for word, files in names.items() for file in files[which]))
    (root / "README.md").write_text("# Speech Commands\n")
    (root / "LICENSE").write_text("CC BY 4.0\n")
    return root
