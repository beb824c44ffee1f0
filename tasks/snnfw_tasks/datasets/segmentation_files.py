"""Find images and their masks on disk, in VOC's folders and in plain ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from snnfw.errors import SnnfwError
from snnfw_tasks.datasets.folders import IMAGENET
from snnfw_tasks.datasets.masks import MaskedFiles, MaskImages
from snnfw_tasks.masked import Masked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from snnfw_tasks.datasets.segmentation import Coco, Masks, Voc
    from snnfw_tasks.labelled import Preprocess


def open_voc(source: Voc, preprocess: Preprocess | None) -> Masked:
    """Return the images that two of VOC's lists name."""
    root, prepare = _voc_root(source), chosen(source, preprocess)

    def split(name: str) -> MaskedFiles:
        return voc_split(root, name, source.classes, prepare, source.name)

    training, evaluation = (_whole(split(name), source) for name in (source.training, source.evaluation))
    return Masked(source.classes, prepare, lambda: training, training, evaluation, source.mirror)


def voc_split(root: Path, split: str, classes: Sequence[str], prepare: Preprocess, data: str) -> MaskedFiles:
    """Return the images that a list in ImageSets/Segmentation names."""
    lists = root / "ImageSets" / "Segmentation"
    listed = lists / f"{split}.txt"
    if not listed.is_file():
        there = ", ".join(sorted(path.stem for path in lists.glob("*.txt"))) or "none"
        raise SnnfwError(f"data '{data}' finds no list '{listed}': lists that are there: {there}.")
    names = listed.read_text(encoding="utf-8").split()
    images = [root / "JPEGImages" / f"{name}.jpg" for name in names]
    masks = [root / "SegmentationClass" / f"{name}.png" for name in names]
    return MaskedFiles(images, MaskImages(masks, data), prepare, data, len(classes))


def open_folders(source: Masks, preprocess: Preprocess | None) -> Masked:
    """Return the splits under the source's root."""
    prepare = chosen(source, preprocess)
    if not source.root.is_dir():
        raise SnnfwError(f"data '{source.name}' finds no folder '{source.root}': expected there are {EXPECTED}.")

    def split(*names: str) -> MaskedFiles:
        return _whole(_pairs(source, _first(source, names), prepare), source)

    training, calibration, evaluation = split("train"), split("calibration", "train"), split("test", "val")
    return Masked(source.classes, prepare, lambda: training, calibration, evaluation, source.mirror)


EXPECTED = "train/images/NAME.jpg, train/masks/NAME.png, the same under test/ (or val/) and, optionally, calibration/"


def chosen(source: Voc | Coco | Masks, known: Preprocess | None) -> Preprocess:
    """Return what the network's weights prescribe, changed where the source says otherwise."""
    base = known or IMAGENET
    side = source.size or base.crop
    mean, std = source.mean or base.mean, source.std or base.std
    if len(mean) != 3 or len(std) != 3:
        raise SnnfwError(
            f"data.mean and data.std need three values each, for red, green and blue, in data '{source.name}'."
        )
    return replace(base, crop=side, resize=side, mean=mean, std=std)


def _whole(files: MaskedFiles, source: Voc | Coco | Masks) -> MaskedFiles:
    """Return all files, or those that can be read if only these are asked for."""
    return files.readable() if source.skip_broken else files


def _voc_root(source: Voc) -> Path:
    """Return the folder that holds JPEGImages."""
    inside = source.root / "VOCdevkit" / f"VOC{source.year}"
    for folder in (source.root, inside):
        if (folder / "ImageSets").is_dir():
            return folder
    raise SnnfwError(
        f"data '{source.name}' finds neither '{source.root / 'ImageSets'}' nor '{inside / 'ImageSets'}': "
        "data.root has to hold one of them."
    )


def _first(source: Masks, names: Sequence[str]) -> Path:
    """Return the first of the folders that exists."""
    for name in names:
        if (source.root / name).is_dir():
            return source.root / name
    missing = " or ".join(f"'{source.root / name}'" for name in names)
    raise SnnfwError(f"data '{source.name}' finds no folder {missing}: expected are {EXPECTED}.")


def _pairs(source: Masks, split: Path, prepare: Preprocess) -> MaskedFiles:
    """Return a split's images by name, each with its mask."""
    from torchvision.datasets.folder import IMG_EXTENSIONS

    folder = split / "images"
    images = sorted(path for path in folder.glob("*") if path.suffix.lower() in IMG_EXTENSIONS)
    if not images:
        raise SnnfwError(f"data '{source.name}' finds no image in '{folder}': expected are {EXPECTED}.")
    masks = [split / "masks" / f"{path.stem}.png" for path in images]
    for image, mask in zip(images, masks, strict=True):
        if not mask.is_file():
            raise SnnfwError(
                f"image '{image}' of data '{source.name}' has no mask '{mask}': add it or remove the image."
            )
    return MaskedFiles(images, MaskImages(masks, source.name), prepare, source.name, len(source.classes))
