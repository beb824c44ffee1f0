"""Images and their masks as samples: read from files when they are asked for, checked, and fitted into a square."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from snnfw.errors import SnnfwError
from snnfw_tasks.datasets.images import undecodable
from snnfw_tasks.datasets.palette import VOID

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

    from snnfw_tasks.labelled import Preprocess

LOG = logging.getLogger("snnfw")

Labels: TypeAlias = "NDArray[Any]"

LABEL_MODES = ("1", "L", "P", "I", "I;16")
"""PIL's modes in which a pixel is one number."""


@dataclass(frozen=True, slots=True)
class MaskedFiles:
    """Image files, and what reads the labels [H, W] of the one with an index; ``data`` names the data set in errors."""

    images: Sequence[Path]
    labels: Callable[[int], Labels]
    prepare: Preprocess
    data: str
    classes: int

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        path = self.images[index]
        image, labels = opened(path, self.data).convert("RGB"), self.labels(index)
        require_labels(labels, image.size, self.classes, path, self.data)
        return fitted_image(image, self.prepare), fitted_labels(labels, self.prepare.crop)

    def readable(self) -> MaskedFiles:
        """Return the same without the images, and masks, that cannot be read, and name them."""
        kept, left_out = [], []
        for index, path in enumerate(self.images):
            try:
                opened(path, self.data)
                self.labels(index)
                kept.append(index)
            except SnnfwError:
                left_out.append(str(path))
        if left_out:
            LOG.warning("snnfw: data '%s' leaves out %d images: %s", self.data, len(left_out), ", ".join(left_out))
        return replace(self, images=[self.images[index] for index in kept], labels=Chosen(self.labels, kept))


@dataclass(frozen=True, slots=True)
class Chosen:
    """Read the labels of some of the images."""

    labels: Callable[[int], Labels]
    indices: Sequence[int]

    def __call__(self, index: int) -> Labels:
        """Return the labels of the image with an index among those chosen."""
        return self.labels(self.indices[index])


@dataclass(frozen=True, slots=True)
class MaskImages:
    """Read labels from images in which a pixel's value, or its place in the palette, is its label."""

    masks: Sequence[Path]
    data: str

    def __call__(self, index: int) -> Labels:
        """Return the labels of the image with an index."""
        path = self.masks[index]
        mask = opened(path, self.data, "mask")
        if mask.mode not in LABEL_MODES:
            raise SnnfwError(
                f"mask '{path}' of data '{self.data}' is a {mask.mode} image: "
                "a mask is a grey or palette image whose values are the labels."
            )
        return np.asarray(mask).astype(np.int64)


def opened(path: Path, data: str, kind: str = "image") -> Image:
    """Return a decoded image file."""
    from PIL import Image

    if not path.is_file():
        raise SnnfwError(f"{kind} '{path}' of data '{data}' does not exist: add it, or take it off the list.")
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except undecodable() as error:
        raise SnnfwError(
            f"{kind} '{path}' of data '{data}' cannot be read: repair or remove it, or set data.skip_broken=true."
        ) from error


def require_labels(labels: Labels, size: tuple[int, int], classes: int, path: Path, data: str) -> None:
    """Raise an SnnfwError unless every pixel of an image (width, height) has a label that there is."""
    height, width = labels.shape
    if (width, height) != size:
        raise SnnfwError(
            f"the mask of image '{path}' of data '{data}' is {width} by {height} pixels and the image "
            f"{size[0]} by {size[1]}: both have to be of the same size."
        )
    wrong = labels[(labels >= classes) & (labels != VOID) | (labels < 0)]
    if len(wrong):
        raise SnnfwError(
            f"the mask of image '{path}' of data '{data}' has the label {int(wrong[0])}: labels go from 0 to "
            f"{classes - 1}, and {VOID} is for pixels that count for nothing."
        )


def extent(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the height and width that fill one direction of a square, the proportions kept."""
    scale = side / max(width, height)
    return max(1, round(height * scale)), max(1, round(width * scale))


def fitted_image(image: Image, prepare: Preprocess) -> Tensor:
    """Return the normalised image [3, side, side], in the upper left corner where it is not square; the rest is 0."""
    size = extent(*image.size, prepare.crop)
    mode = InterpolationMode(prepare.interpolation)
    pixels = F.convert_image_dtype(F.pil_to_tensor(F.resize(image, list(size), mode)), torch.float32)
    sample = torch.zeros(3, prepare.crop, prepare.crop)
    sample[:, : size[0], : size[1]] = F.normalize(pixels, list(prepare.mean), list(prepare.std))
    return sample


def fitted_labels(labels: Labels, side: int) -> Tensor:
    """Return the labels [side, side], each that of the nearest pixel, and ``VOID`` outside the image."""
    height, width = extent(labels.shape[1], labels.shape[0], side)
    mask = F.resize(torch.from_numpy(labels)[None], [height, width], InterpolationMode.NEAREST_EXACT)
    fitted = torch.full((side, side), VOID, dtype=torch.long)
    fitted[:height, :width] = mask[0]
    return fitted
