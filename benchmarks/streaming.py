"""How long a folder as large as ImageNet takes to list and to read, in how much memory: prints alone.

    python -m benchmarks.streaming [FILES] [CLASSES]

FILES (50,000) lie in CLASSES folders (1,000) for training, a tenth as many for the test: links to a JPEG of 500 by 375
pixels, and for training, behind the first of each class, empty files. The shortest of five listings counts.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from snnfw_tasks.classification.data.folders import ImageNet
from snnfw_tasks.samples.batches import as_batch, batch_checked
from snnfw_tasks.samples.checked import CheckedSamples

BATCH, BATCHES = 64, 4


def write_tree(root: Path, files: int, classes: int) -> None:
    """Write the folders; an image as hard to decode as a photograph is noise that was made smooth."""
    root.mkdir(exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, (75, 100, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((500, 375), Image.Resampling.BICUBIC).save(root / "one.jpeg", quality=90)
    for split, count in (("train", files), ("val", files // 10)):
        for number in range(classes):
            folder = root / split / f"n{number:08d}"
            folder.mkdir(parents=True)
            for index in range(max(1, count // classes)):
                file = folder / f"{folder.name}_{index}.JPEG"
                if index and (split == "train" or number * index > 20_000):  # a file has 65,000 links at most
                    file.touch()
                else:
                    os.link(root / "one.jpeg", file)


def resident() -> float:
    """Return the memory that this process has, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure_listing(root: Path) -> Any:
    """Print how long opening takes, and in how much memory, and return the test images."""
    source, seconds = ImageNet(root), []
    before = resident()
    for _ in range(5):
        start = time.perf_counter()
        data = source.open(None)
        seconds.append(time.perf_counter() - start)
    files = len(data.training) + len(data.evaluation)
    print(f"open {files} files: {min(seconds):.2f} s, {resident() - before:.0f} MiB")
    return data.evaluation


def measure_reading(samples: Any, workers: int) -> None:
    """Print how many images are decoded in a second."""
    checked = CheckedSamples(samples, range(BATCH * BATCHES), "evaluation", "imagenet", lambda sample, *_: sample)
    start = time.perf_counter()
    for _ in batch_checked(checked, BATCH, workers, as_batch):
        pass
    rate = BATCH * BATCHES / (time.perf_counter() - start)
    print(f"workers={workers}: {rate:.0f} images/s, {resident():.0f} MiB in this process")


def main(files: int = 50_000, classes: int = 1000) -> None:
    """Measure both."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        write_tree(Path(folder), files, classes)
        write_tree(Path(folder) / "small", 2, 2)
        ImageNet(Path(folder) / "small").open(None)  # which imports what all need
        samples = measure_listing(Path(folder))
        for workers in (0, 1, 2):
            measure_reading(samples, workers)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
