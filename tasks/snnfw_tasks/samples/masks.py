"""Images and their masks as samples: read from files when they are asked for, checked, and fitted into a square."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from snnfw import SnnfwError
from snnfw_tasks.samples.images import decode_image, to_eight_bits
from snnfw_tasks.samples.palette import VOID
from snnfw_tasks.samples.reading import BROKEN, read_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.reading import LeftOut

Labels: TypeAlias = "NDArray[Any]"

LABEL_MODES = ("1", "L", "P", "I", "I;16", "I;16B")
"""PIL's modes in which a pixel is one number."""


CURE = "repair or remove it, or set data.skip_broken=true"


class PixelLabels(Protocol):
    """What reads the labels of images, each by its index."""

    def __call__(self, index: int) -> Labels:
        """Return the labels [H, W] of an image."""
        ...

    def held(self, index: int) -> Collection[int]:
        """Return the labels that occur in an image, without more work than that needs."""
        ...


@dataclass(frozen=True, slots=True)
class MaskedFiles:
    """Image files, and what reads the labels of the one with an index; ``data`` names the data set in errors."""

    images: Sequence[Path]
    labels: PixelLabels
    prepare: Preprocess
    data: str
    classes: int

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, labels = self._read(index)
        require_labels(labels, image.size, self.classes, self.images[index], self.data)
        return fit_image(image, self.prepare), fit_labels(labels, self.prepare.crop)

    def _read(self, index: int) -> tuple[Image, Labels]:
        path = self.images[index]
        return to_eight_bits(open_image(path, self.data), "RGB", path, self.data), self.labels(index)

    def readable(self) -> tuple[MaskedFiles, LeftOut]:
        """Return the same without the images, and masks, that cannot be read, and the names of these."""
        kept, broken = [], []
        for index, path in enumerate(self.images):
            try:
                self._read(index)
                kept.append(index)
            except SnnfwError:
                broken.append(str(path))
        images, labels = [self.images[index] for index in kept], ChosenLabels(self.labels, kept)
        return replace(self, images=images, labels=labels), {BROKEN: broken}


@dataclass(frozen=True, slots=True)
class ChosenLabels:
    """Read the labels of some of the images."""

    labels: PixelLabels
    indices: Sequence[int]

    def __call__(self, index: int) -> Labels:
        """Return the labels of the image with an index among those chosen."""
        return self.labels(self.indices[index])

    def held(self, index: int) -> Collection[int]:
        """Return the labels that occur in that image."""
        return self.labels.held(self.indices[index])


@dataclass(frozen=True, slots=True)
class MaskImages:
    """Read labels from images in which a pixel's value, or its place in the palette, is its label."""

    masks: Sequence[Path]
    data: str

    def __call__(self, index: int) -> Labels:
        """Return the labels of the image with an index."""
        path = self.masks[index]
        mask = open_image(path, self.data, "mask")
        if mask.mode not in LABEL_MODES:
            raise SnnfwError(
                f"mask '{path}' of data '{self.data}' is a {mask.mode} image: "
                "a mask is a grey or palette image whose values are the labels."
            )
        return np.asarray(mask).astype(np.int64)

    def held(self, index: int) -> Collection[int]:
        """Return the labels that occur in that image."""
        labels = self(index).ravel()
        small = labels.size and labels.min() >= 0 and labels.max() <= VOID
        found: list[int] = (np.bincount(labels).nonzero()[0] if small else np.unique(labels)).tolist()
        return found


def open_image(path: Path, data: str, kind: str = "image") -> Image:
    """Return a decoded image file, upright."""
    if not path.is_file():
        raise SnnfwError(f"{kind} '{path}' of data '{data}' does not exist: add it, or take it off the list.")
    return decode_image(path, data, kind, CURE)


def image_suffixes() -> tuple[str, ...]:
    """Return how the files of images end that are read."""
    from torchvision.datasets.folder import IMG_EXTENSIONS

    suffixes: tuple[str, ...] = IMG_EXTENSIONS
    return suffixes


def require_labels(labels: Labels, size: tuple[int, int], classes: int, path: Path, data: str) -> None:
    """Raise an SnnfwError unless every pixel of an upright image (width, height) has a label that there is."""
    height, width = labels.shape
    if (width, height) != size:
        raise SnnfwError(
            f"the mask of image '{path}' of data '{data}' is {width} by {height} pixels and the image {size[0]} by "
            f"{size[1]}{_explain_orientation(path, (width, height), size)}: both have to be of the same size."
        )
    wrong = labels[(labels >= classes) & (labels != VOID) | (labels < 0)]
    if len(wrong):
        raise SnnfwError(
            f"the mask of image '{path}' of data '{data}' has the label {int(wrong[0])}: labels go from 0 to "
            f"{classes - 1}, and {VOID} is for pixels that count for nothing."
        )


def _explain_orientation(path: Path, mask: tuple[int, int], image: tuple[int, int]) -> str:
    """Return the explanation of a mask that fits an image on its side only."""
    from PIL import Image

    if mask != image[::-1]:
        return ""
    with Image.open(path) as stored:
        return " once turned upright as its EXIF orientation says" if stored.size == mask else ""


def fit_extent(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the height and width that fill one direction of a square, the proportions kept."""
    scale = side / max(width, height)
    return max(1, round(height * scale)), max(1, round(width * scale))


def fit_image(image: Image, prepare: Preprocess) -> Tensor:
    """Return the normalised image [3, side, side], in the upper left corner where it is not square; the rest is 0."""
    size = fit_extent(*image.size, prepare.crop)
    mode = InterpolationMode(prepare.interpolation)
    pixels = F.convert_image_dtype(F.pil_to_tensor(F.resize(image, list(size), mode)), torch.float32)
    sample = torch.zeros(3, prepare.crop, prepare.crop)
    sample[:, : size[0], : size[1]] = F.normalize(pixels, list(prepare.mean), list(prepare.std))
    return sample


def fit_labels(labels: Labels, side: int) -> Tensor:
    """Return the labels [side, side], each that of the nearest pixel, and ``VOID`` outside the image."""
    height, width = fit_extent(labels.shape[1], labels.shape[0], side)
    mask = F.resize(torch.from_numpy(labels)[None], [height, width], InterpolationMode.NEAREST_EXACT)
    fitted = torch.full((side, side), VOID, dtype=torch.long)
    fitted[:height, :width] = mask[0]
    return fitted


def open_voc_split(root: Path, split: str, classes: Sequence[str], prepare: Preprocess, data: str) -> MaskedFiles:
    """Return the images that a list in ImageSets/Segmentation names."""
    lists = root / "ImageSets" / "Segmentation"
    listed = lists / f"{split}.txt"
    if not listed.is_file():
        there = ", ".join(sorted(path.stem for path in lists.glob("*.txt"))) or "none"
        raise SnnfwError(f"data '{data}' finds no list '{listed}': lists that are there: {there}.")
    names = read_lines(listed, data)
    images = [root / "JPEGImages" / f"{name}.jpg" for name in names]
    masks = [root / "SegmentationClass" / f"{name}.png" for name in names]
    return MaskedFiles(images, MaskImages(masks, data), prepare, data, len(classes))
