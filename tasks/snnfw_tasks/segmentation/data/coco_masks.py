"""Turn COCO's instances into one label per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw import SnnfwError
from snnfw_tasks.samples.images import decode_image
from snnfw_tasks.samples.masks import MaskedFiles, image_suffixes
from snnfw_tasks.samples.palette import VOID
from snnfw_tasks.samples.reading import list_files, merge_left_out
from snnfw_tasks.segmentation.data.classes import COCO_AS_VOC, VOC_CLASSES
from snnfw_tasks.segmentation.data.coco_annotations import describe_object, plain_id, read_annotations
from snnfw_tasks.segmentation.data.coco_shapes import draw_region, shape_problem
from snnfw_tasks.segmentation.data.files import choose_preprocess, make_masked

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.masked import MaskedSplits
    from snnfw_tasks.samples.reading import LeftOut
    from snnfw_tasks.segmentation.data.coco_annotations import Annotations
    from snnfw_tasks.segmentation.data.options import MaskOptions

BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Instances:
    """The objects of each image with their labels, drawn when they are asked for.

    ``sizes`` are the images' (width, height) where the file says so; ``file`` and ``data`` are named in errors.
    """

    images: Sequence[Path]
    sizes: Sequence[tuple[int, int] | None]
    objects: Sequence[Sequence[tuple[int, Mapping[str, Any]]]]
    file: Path
    data: str

    def __call__(self, index: int) -> NDArray[Any]:
        """Return the labels of an image: ``VOID`` in crowds, and where objects of different classes overlap."""
        width, height = self.sizes[index] or decode_image(self.images[index], self.data).size
        found = np.zeros((height, width), np.int64)
        for label, thing in self.objects[index]:
            self._require_shape(index, thing, (width, height))
            inside = draw_region(thing["segmentation"], width, height)
            overlap = inside & (found != 0) & (found != label)
            found[inside] = VOID if plain_id(thing.get("iscrowd")) else label
            found[overlap] = VOID
        return found

    def held(self, index: int) -> Collection[int]:
        """Return the labels of an image's objects, each of which is checked, and the background's."""
        for _, thing in self.objects[index]:
            self._require_shape(index, thing, self.sizes[index])
        return {0, *(VOID if plain_id(thing.get("iscrowd")) else label for label, thing in self.objects[index])}

    def _require_shape(self, index: int, thing: Mapping[str, Any], size: tuple[int, int] | None) -> None:
        if problem := shape_problem(thing.get("segmentation"), size):
            raise SnnfwError(
                f"{describe_object(thing)} of image '{self.images[index]}' in '{self.file}' {problem}: "
                "correct it or remove it."
            )


def open_coco(source: MaskOptions, year: int, as_voc: bool, preprocess: Preprocess | None) -> MaskedSplits:
    """Return the images of train<year> and val<year>, whose categories are matched by name.

    With ``as_voc`` those that VOC has too are the classes, and the others background.
    """
    prepare = choose_preprocess(source, preprocess)
    splits = [f"{split}{year}" for split in ("train", "val")]
    read = [read_annotations(source.root / "annotations" / f"instances_{split}.json") for split in splits]
    classes = VOC_CLASSES if as_voc else class_names(read[0].categories)

    def split(name: str, annotations: Annotations) -> tuple[MaskedFiles, LeftOut]:
        folder = source.root / name
        labels, left_out = collect_instances(annotations, folder, classes, as_voc, source.name)
        files = MaskedFiles(labels.images, labels, prepare, source.name, len(classes))
        return files, merge_left_out(left_out, unlisted_files(folder, annotations))

    parts = {name: split(name, annotations) for name, annotations in zip(splits, read, strict=True)}
    return make_masked(source, prepare, classes, parts, (splits[0], splits[0], splits[1]))


def class_names(categories: Mapping[Any, str]) -> tuple[str, ...]:
    """Return the classes by their categories' numbers, the background first, which may be a category itself."""
    ordered = sorted(categories, key=lambda one: (isinstance(plain_id(one), str), plain_id(one)))
    return (BACKGROUND, *(categories[number] for number in ordered if categories[number] != BACKGROUND))


def collect_instances(
    annotations: Annotations, folder: Path, classes: Sequence[str], as_voc: bool, data: str
) -> tuple[Instances, LeftOut]:
    """Return the objects of the images in the file's order, and annotations that are of none."""
    names = COCO_AS_VOC if as_voc else {name: name for name in classes}
    numbers = {name: number for number, name in enumerate(classes)}

    def label_of(name: str) -> int:
        if name not in names and not as_voc:
            raise SnnfwError(
                f"'{annotations.path}' has objects of the category '{name}', which the training file does not list: "
                f"its categories are {', '.join(classes[1:])}."
            )
        return numbers[names[name]] if name in names else 0

    objects, left_out = annotations.objects(label_of)
    images = [folder / str(image["file_name"]) for image in annotations.images]
    sizes = [_size(image) for image in annotations.images]
    return Instances(images, sizes, objects, annotations.path, data), left_out


def unlisted_files(folder: Path, annotations: Annotations) -> LeftOut:
    """Return the files in an images' folder that the annotations do not list, and those that are no images."""
    if not folder.is_dir():
        return {}
    listing = list_files(folder, image_suffixes())
    known = {str(folder / str(image["file_name"])) for image in annotations.images}
    return {**listing.left_out, "images without an entry": [file for file in listing.files if file not in known]}


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the width and height that a file says of an image, or nothing where it does not."""
    sides = image.get("width"), image.get("height")
    if all(isinstance(side, int) and side > 0 for side in sides):
        return int(sides[0]), int(sides[1])  # type: ignore[arg-type]  # both are whole numbers
    return None
