"""Turn COCO's instances into one label per pixel."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from snnfw.errors import SnnfwError
from snnfw_tasks.datasets.masks import MaskedFiles
from snnfw_tasks.datasets.palette import VOID
from snnfw_tasks.datasets.segmentation import COCO_AS_VOC, VOC_CLASSES
from snnfw_tasks.datasets.segmentation_files import chosen
from snnfw_tasks.masked import Masked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from snnfw_tasks.datasets.segmentation import Coco
    from snnfw_tasks.labelled import Preprocess

Region: TypeAlias = "NDArray[np.bool_]"


@dataclass(frozen=True, slots=True)
class Instances:
    """The objects of each image, drawn as labels when they are asked for.

    ``sizes`` are the images' (width, height), ``objects`` their annotations, ``labels`` go from a category's number
    to its label, background where a category has none.
    """

    names: Sequence[str]
    sizes: Sequence[tuple[int, int]]
    objects: Sequence[Sequence[Mapping[str, Any]]]
    labels: Mapping[int, int]
    data: str

    def __call__(self, index: int) -> NDArray[Any]:
        """Return the labels of an image: ``VOID`` in crowds, and where objects of different classes overlap."""
        width, height = self.sizes[index]
        found = np.zeros((height, width), np.int64)
        for thing in self.objects[index]:
            label = self.labels.get(thing["category_id"], 0)
            if label:
                inside = region(thing["segmentation"], width, height, self.names[index], self.data)
                overlap = inside & (found != 0) & (found != label)
                found[inside] = VOID if thing.get("iscrowd") else label
                found[overlap] = VOID
        return found


def open_coco(source: Coco, preprocess: Preprocess | None) -> Masked:
    """Return the images of train<year> and val<year>."""
    prepare = chosen(source, preprocess)
    splits = [f"{split}{source.year}" for split in ("train", "val")]
    read = {split: read_instances(source.root / "annotations" / f"instances_{split}.json") for split in splits}
    names = {category["id"]: category["name"] for category in read[splits[0]]["categories"]}
    classes = VOC_CLASSES if source.classes == "voc" else ("background", *(names[number] for number in sorted(names)))
    wanted = COCO_AS_VOC if source.classes == "voc" else {name: name for name in classes}
    labels = {number: classes.index(wanted[name]) for number, name in names.items() if name in wanted}

    def split(name: str) -> MaskedFiles:
        images = [source.root / name / image["file_name"] for image in read[name]["images"]]
        files = MaskedFiles(images, instances(read[name], labels, source.name), prepare, source.name, len(classes))
        return files.readable() if source.skip_broken else files

    training, evaluation = map(split, splits)
    return Masked(classes, prepare, lambda: training, training, evaluation, source.mirror)


def read_instances(path: Path) -> dict[str, Any]:
    """Return what a file of annotations holds."""
    if not path.is_file():
        raise SnnfwError(f"data 'coco' finds no file '{path}': data.root has to hold annotations/, train and val.")
    try:
        read = json.loads(path.read_bytes())
        if all(isinstance(read[key], list) for key in ("images", "annotations", "categories")):
            return dict(read)
    except (ValueError, KeyError, TypeError):
        pass
    raise SnnfwError(f"'{path}' holds no instances of COCO's: it needs images, annotations and categories.")


def instances(read: Mapping[str, Any], labels: Mapping[int, int], data: str) -> Instances:
    """Return the objects of the images in the file's order."""
    of_image: dict[int, list[Mapping[str, Any]]] = {image["id"]: [] for image in read["images"]}
    for thing in read["annotations"]:
        of_image.setdefault(thing["image_id"], []).append(thing)
    images = read["images"]
    return Instances(
        names=[image["file_name"] for image in images],
        sizes=[(image["width"], image["height"]) for image in images],
        objects=[of_image[image["id"]] for image in images],
        labels=labels,
        data=data,
    )


def region(shape: Any, width: int, height: int, image: str, data: str) -> Region:
    """Return which pixels [H, W] an object covers, given as polygons or as run lengths."""
    if isinstance(shape, list):
        return _polygons(shape, width, height)
    counts = shape["counts"]
    if isinstance(counts, list):
        runs = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
        return runs.reshape(width, height).T  # runs go down the columns
    try:
        from pycocotools import mask
    except ImportError as error:
        raise SnnfwError(
            f"image '{image}' of data '{data}' has compressed run lengths, which pycocotools reads: "
            "pip install pycocotools."
        ) from error
    decoded: NDArray[Any] = mask.decode(shape)
    return decoded.astype(bool)


def _polygons(polygons: Sequence[Sequence[float]], width: int, height: int) -> Region:
    """Return the pixels inside any of the polygons [x, y, x, y, ...]."""
    from PIL import Image, ImageDraw

    picture = Image.new("1", (width, height))
    for corners in polygons:
        if len(corners) >= 6:
            ImageDraw.Draw(picture).polygon(list(corners), fill=1)
    return np.array(picture)
