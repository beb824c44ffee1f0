"""Images with boxes for tests, in the layout that ultralytics describes in data.yaml."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = ((40, 64), (64, 64), (70, 30), (120, 90))
"""Widths and heights that come in turn."""


def write_images(root: Path, names: tuple[str, ...] = ("red", "green"), count: int = 4, **words: object) -> Path:
    """Write images with one coloured square each in the splits train and val, and return their data.yaml."""
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        for folder in ("images", "labels"):
            (root / folder / split).mkdir(parents=True)
        for index in range(count):
            width, height = SIZES[index % len(SIZES)]
            pixels = random.integers(0, 120, (height, width, 3), dtype=np.uint8)
            pixels[height // 4 : height // 2, width // 4 : width // 2, index % 2] = 255
            Image.fromarray(pixels).save(root / "images" / split / f"{index:03d}.jpg")
            row = f"{index % len(names)} 0.375 0.375 0.25 0.25\n"
            (root / "labels" / split / f"{index:03d}.txt").write_text(row)
    file = root / "data.yaml"
    description = {"path": str(root), "train": "images/train", "val": "images/val", "names": list(names)}
    file.write_text(json.dumps({**description, **words}))
    return file
