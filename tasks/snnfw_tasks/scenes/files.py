"""The embedded scenes as files, as YOLO and as VOC lay them out: drawn when they are asked for, kept in the cache."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from snnfw import SnnfwError
from snnfw.errors import unknown_name_error
from snnfw.files import cache_folder, scratch_beside, write_file
from snnfw_tasks.samples.labelled import Preprocess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snnfw_tasks.scenes.draw import Scene

LOG = logging.getLogger("snnfw")

VERSION = 1
"""Counts the changes to how scenes are drawn and laid out, so that the cache never serves those of another version."""

COUNTS = {"train": 2000, "val": 300, "test": 1000}
"""The splits and their numbers of scenes."""
DIGITS = tuple("0123456789")
"""What YOLO's labels 0 to 9 are."""
CLASSES = ("background", *DIGITS)
"""What a mask's labels 0 to 10 are."""
PREPARE = Preprocess(resize=128, crop=128, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
"""The scenes' own size, and colours from -2 to 2."""
QUALITY = 95
"""Of the JPEG files."""


def scenes_folder(*splits: str, seed: int = 0, counts: Mapping[str, int] = COUNTS) -> Path:
    """Return the folder that holds these splits, whole; what is missing or damaged there is drawn again.

    For YOLO it has ``data.yaml``, ``images/SPLIT/NAME.jpg`` and ``labels/SPLIT/NAME.txt``, for VOC
    ``JPEGImages/NAME.jpg``, ``SegmentationClass/NAME.png`` and ``ImageSets/Segmentation/SPLIT.txt``.
    """
    sizes = "-".join(f"{split}{count}" for split, count in sorted(counts.items()))
    try:
        root = cache_folder("scenes") / f"v{VERSION}-seed{seed}-{sizes}"
        for split in counts:  # ultralytics wants the folders of all splits to be there
            (root / "images" / split).mkdir(parents=True, exist_ok=True)
        _write_description(root)
        for split in splits:
            if split not in counts:
                raise unknown_name_error("split of the scenes", split, counts, "There are")
            if not _is_whole(root, split):
                _make(root, split, counts[split], seed)
    except OSError as error:
        raise SnnfwError(
            f"the scenes cannot be kept in your cache ({error.strerror or error}): "
            "name a folder that can be written in XDG_CACHE_HOME."
        ) from error
    return root


def _is_whole(root: Path, split: str) -> bool:
    """Tell whether every file of a split is there and is what was written."""
    try:
        lines = (root / f"{split}.sha256").read_text().splitlines()
        for line in lines:
            digest, _, name = line.partition("  ")
            if hashlib.sha256((root / name).read_bytes()).hexdigest() != digest:
                LOG.info("snnfw: draws the scenes again, %s is damaged", name)
                return False
    except OSError:
        return False
    return bool(lines)


def _make(root: Path, split: str, count: int, seed: int) -> None:
    """Draw a split beside its place and move it there; the list of its files comes last, and makes it whole.

    Safe when two processes start at once: both move the same files there.
    """
    from snnfw_tasks.scenes.draw import draw_scene

    (root / f"{split}.sha256").unlink(missing_ok=True)
    with scratch_beside(root / split) as folder:
        names = [f"{split}-{index:05d}" for index in range(count)]
        for index, name in enumerate(names):
            _write_scene(folder, split, name, draw_scene(split, index, seed))
        _write(folder / "ImageSets" / "Segmentation" / f"{split}.txt", "".join(f"{name}\n" for name in names))
        files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        sums = [f"{hashlib.sha256((folder / file).read_bytes()).hexdigest()}  {file.as_posix()}\n" for file in files]
        _write(folder / f"{split}.sha256", "".join(sums))
        for file in (*files, Path(f"{split}.sha256")):
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).replace(root / file)


def _write_scene(folder: Path, split: str, name: str, scene: Scene) -> None:
    """Write a scene's image under both layouts' names, its boxes and its mask."""
    from PIL import Image

    from snnfw_tasks.samples.palette import palette_bytes

    image, same = folder / "images" / split / f"{name}.jpg", folder / "JPEGImages" / f"{name}.jpg"
    mask = folder / "SegmentationClass" / f"{name}.png"
    for path in (image, same, mask):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene.image).save(image, quality=QUALITY)
    try:
        os.link(image, same)
    except OSError:  # a file system without hard links
        shutil.copyfile(image, same)
    labels = Image.fromarray(scene.labels)
    labels.putpalette(palette_bytes())
    labels.save(mask)
    _write(folder / "labels" / split / f"{name}.txt", yolo_lines(scene))


def yolo_lines(scene: Scene) -> str:
    """Return YOLO's lines: the digit, the box's centre, its width and its height as shares of the image's."""
    height, width = scene.labels.shape
    lines = []
    for found in scene.digits:
        centre = (found.left + found.right) / 2 / width, (found.top + found.bottom) / 2 / height
        extent = (found.right - found.left) / width, (found.bottom - found.top) / height
        lines.append(" ".join([str(found.digit), *(f"{value:.6f}" for value in (*centre, *extent))]) + "\n")
    return "".join(lines)


def _write_description(root: Path) -> None:
    """Write YOLO's data.yaml, which JSON is a part of, unless it is there."""
    splits = {split: f"images/{split}" for split in COUNTS}
    text = json.dumps({"path": str(root.resolve()), **splits, "names": list(DIGITS)}, indent=2) + "\n"
    described = root / "data.yaml"
    if described.is_file() and described.read_text() == text:
        return
    write_file(described, text, refuse=())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
