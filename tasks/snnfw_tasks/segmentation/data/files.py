"""Find images and their masks on disk, in VOC's folders and in plain ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from snnfw import SnnfwError
from snnfw_tasks.samples.labelled import IMAGENET
from snnfw_tasks.samples.masked import MaskedSplits
from snnfw_tasks.samples.masks import ChosenLabels, MaskedFiles, MaskImages, image_suffixes, open_voc_split
from snnfw_tasks.samples.reading import Reading, list_files, merge_left_out, split_folders, unused_splits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.reading import LeftOut
    from snnfw_tasks.segmentation.data.options import MaskOptions


def open_voc(
    source: MaskOptions, year: int, classes: Sequence[str], lists: tuple[str, str], preprocess: Preprocess | None
) -> MaskedSplits:
    """Return the images that two of VOC's lists name, those to train with and those to test on."""
    root, prepare = _voc_root(source, year), choose_preprocess(source, preprocess)
    parts = {name: drop_repeats(open_voc_split(root, name, classes, prepare, source.name)) for name in lists}
    return make_masked(source, prepare, classes, parts, (lists[0], *lists))


def make_masked(
    source: MaskOptions,
    prepare: Preprocess,
    classes: Sequence[str],
    parts: Mapping[str, tuple[MaskedFiles, LeftOut]],
    splits: tuple[str, str, str],
) -> MaskedSplits:
    """Return the training, calibration and evaluation images, of parts that are told with what they left out."""
    whole = {name: _readable_files(files, left_out, source) for name, (files, left_out) in parts.items()}
    training, calibration, evaluation = (whole[name][0] for name in splits)
    reading = Reading(
        data=source.name,
        place=source.root,
        what="images",
        read={name: len(files) for name, (files, _) in whole.items()},
        classes=len(classes),
        left_out=merge_left_out(*(left_out for _, left_out in whole.values())),
    )
    return MaskedSplits(
        classes=tuple(classes),
        prepare=prepare,
        training=lambda: training,
        calibration=calibration,
        evaluation=evaluation,
        mirror=source.mirror,
        reading=reading,
        held=evaluation.labels.held,
    )


def drop_repeats(files: MaskedFiles) -> tuple[MaskedFiles, LeftOut]:
    """Return the files, each of them once, and those that were named again."""
    first = {path: index for index, path in reversed(list(enumerate(files.images)))}
    kept = sorted(first.values())
    again = [str(path) for index, path in enumerate(files.images) if first[path] != index]
    images = [files.images[index] for index in kept]
    return replace(files, images=images, labels=ChosenLabels(files.labels, kept)), {"images listed twice": again}


def open_folders(source: MaskOptions, classes: Sequence[str], preprocess: Preprocess | None) -> MaskedSplits:
    """Return the splits under the source's root."""
    prepare = choose_preprocess(source, preprocess)
    splits = (("train",), ("calibration", "train"), ("test", "val"))
    training, calibration, evaluation = split_folders(source.name, source.root, splits, EXPECTED)
    folders = dict.fromkeys((training, calibration, evaluation))
    parts = {folder.name: _pairs(source, folder, prepare, len(classes)) for folder in folders}
    spare = unused_splits(source.root, ("train", "calibration", "test", "val"), folders)
    parts["train"] = parts["train"][0], merge_left_out(spare, parts["train"][1])
    return make_masked(source, prepare, classes, parts, (training.name, calibration.name, evaluation.name))


EXPECTED = "train/images/NAME.jpg, train/masks/NAME.png, the same under test/ (or val/) and, optionally, calibration/"


def choose_preprocess(source: MaskOptions, known: Preprocess | None) -> Preprocess:
    """Return the preparation that the network's weights prescribe, changed where the source says otherwise."""
    base = known or IMAGENET
    side = source.size or base.crop
    mean, std = source.mean or base.mean, source.std or base.std
    if len(mean) != 3 or len(std) != 3:
        raise SnnfwError(
            f"data.mean and data.std need three values each, for red, green and blue, in data '{source.name}'."
        )
    return replace(base, crop=side, resize=side, mean=mean, std=std)


def _readable_files(files: MaskedFiles, left_out: LeftOut, source: MaskOptions) -> tuple[MaskedFiles, LeftOut]:
    """Return all files, or those that can be read if only these are asked for, and all that was left out."""
    if not source.skip_broken:
        return files, left_out
    readable, broken = files.readable()
    return readable, merge_left_out(left_out, broken)


def _voc_root(source: MaskOptions, year: int) -> Path:
    """Return the folder that holds JPEGImages."""
    inside = source.root / "VOCdevkit" / f"VOC{year}"
    for folder in (source.root, inside):
        if (folder / "ImageSets").is_dir():
            return folder
    raise SnnfwError(
        f"data '{source.name}' finds neither '{source.root / 'ImageSets'}' nor '{inside / 'ImageSets'}': "
        "data.root has to hold one of them."
    )


def _pairs(source: MaskOptions, split: Path, prepare: Preprocess, classes: int) -> tuple[MaskedFiles, LeftOut]:
    """Return a split's images by name, each with its mask, and what is neither."""
    images = list_files(split / "images", image_suffixes())
    if not images.files:
        raise SnnfwError(f"data '{source.name}' finds no image in '{split / 'images'}': expected are {EXPECTED}.")
    masks = list_files(split / "masks", (".png",))
    mask_of = _by_name(masks.files, split / "masks", source.name)
    image_of = _by_name(images.files, split / "images", source.name)
    for name, image in image_of.items():
        if name not in mask_of:
            raise SnnfwError(
                f"image '{image}' of data '{source.name}' has no mask '{split / 'masks' / name}.png': "
                "add it or remove the image."
            )
    unused = [str(mask) for name, mask in mask_of.items() if name not in image_of]
    labels = MaskImages([mask_of[name] for name in image_of], source.name)
    files = MaskedFiles(list(image_of.values()), labels, prepare, source.name, classes)
    return files, merge_left_out(images.left_out, masks.left_out, {"masks of no image": unused})


def _by_name(files: Sequence[str], folder: Path, data: str) -> dict[Path, Path]:
    """Return files by their names in a folder without the suffix, which pair images with masks."""
    found: dict[Path, Path] = {}
    for file in map(Path, files):
        name = file.relative_to(folder).with_suffix("")
        if name in found:
            raise SnnfwError(
                f"'{found[name]}' and '{file}' of data '{data}' have one name: rename or remove one of them."
            )
        found[name] = file
    return found
