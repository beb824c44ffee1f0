"""Images and masks that tests write, in the layouts that data sets are published in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from snnfw_tasks.samples.palette import palette_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def write_image(path: Path, width: int = 6, height: int = 4, colour: tuple[int, int, int] = (255, 0, 0)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), colour).save(path)


def write_mask(path: Path, labels: Sequence[Sequence[int]] | NDArray[Any], mode: str = "P") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = Image.fromarray(np.array(labels, np.uint16 if mode == "I;16" else np.uint8))
    if mode == "P":
        mask.putpalette(palette_bytes())
    elif mode != mask.mode:
        mask = mask.convert(mode)
    mask.save(path)


def write_voc(root: Path, **splits: Sequence[str]) -> None:
    """Write lists of names, an image for each and its mask: label 1 in the left half, and 255 in a corner."""
    labels = np.zeros((4, 6), int)
    labels[:, :3], labels[0, 0] = 1, 255
    for split, names in splits.items():
        listed = root / "ImageSets" / "Segmentation" / f"{split}.txt"
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_text("".join(f"{name}\n" for name in names))
        for name in names:
            write_image(root / "JPEGImages" / f"{name}.jpg")
            write_mask(root / "SegmentationClass" / f"{name}.png", labels)
