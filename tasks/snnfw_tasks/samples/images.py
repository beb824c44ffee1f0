"""Images as samples: pixels held in memory, or files read when they are asked for."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from snnfw import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

    from snnfw_tasks.samples.labelled import Preprocess

DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
"""PIL's grey modes of more than 8 bits: 16, 16 or 32, and floats."""

SIXTEEN = ("PNG", "PPM")
"""Formats whose mode I are 16 bits."""

ORIENTATION = 0x0112
"""EXIF's number of the orientation."""


@dataclass(frozen=True, slots=True)
class PixelSamples:
    """Images in memory as bytes [N, C, H, W], normalised one by one; ``white`` is the brightest value."""

    pixels: Tensor
    labels: Sequence[int]
    white: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a mean or a deviation of other channels than the images have."""
        channels = self.pixels.shape[1]
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != channels:
                raise SnnfwError(
                    f"data.{name} has {len(values)} value{'s' * (len(values) != 1)}, and the images have {channels} "
                    f"channel{'s' * (channels != 1)}: give one for each, or leave it out."
                )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.pixels[index].to(torch.float32) / self.white
        mean, std = (torch.tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (image - mean) / std, int(self.labels[index])


@dataclass(frozen=True, slots=True)
class FileSamples:
    """Image files with their labels, read and prepared one by one; ``data`` names the data set in errors."""

    files: Sequence[tuple[str, int]]
    prepare: Preprocess
    data: str

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.files[index]
        return prepare_image(
            read_image(path, "L" if len(self.prepare.mean) == 1 else "RGB", self.data), self.prepare
        ), label


def read_image(path: str, mode: str, data: str) -> Image:
    """Return the decoded image, upright, in one of PIL's modes of 8 bits."""
    return to_eight_bits(decode_image(path, data), mode, path, data)


def decode_image(path: str | Path, data: str, kind: str = "image", cure: str = "repair or remove it") -> Image:
    """Return the decoded image in its own mode, upright as every viewer shows it: turned as its EXIF data say."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            count, form = getattr(image, "n_frames", 1), image.format
            image.load()
            upright = turn_upright(image)
            upright.format = form
    except decoding_errors() as error:
        raise SnnfwError(f"{kind} '{path}' of data '{data}' cannot be read: {cure}.") from error
    if problem := explain_ambiguity(count, form):
        raise SnnfwError(f"{kind} '{path}' of data '{data}' {problem}.")
    return upright


def explain_ambiguity(count: int, form: str | None) -> str | None:
    """Return the problem of a file of several pictures; an MPO's others are previews of the first."""
    if count == 1 or form == "MPO":
        return None
    return f"holds {count} pictures: save the one that counts as a file of its own"


def turn_upright(image: Image) -> Image:
    """Return an image as its EXIF orientation says; one whose EXIF data cannot be read as it is."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(orientation(image))
    return image if turn is None else image.transpose(turn)


def orientation(image: Image) -> int:
    """Return a decoded image's EXIF orientation, 1 being upright."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except (SyntaxError, ValueError, TypeError, LookupError, struct.error):
        return 1


def to_eight_bits(image: Image, mode: str, path: str | Path, data: str) -> Image:
    """Return an image in a mode of 8 bits; 16 bits, and floats from 0 to 1, are scaled, which PIL clips to white."""
    try:
        return (scale_to_eight_bits(image, path, data) if image.mode in DEEP else image).convert(mode)
    except ValueError as error:
        raise SnnfwError(
            f"image '{path}' of data '{data}' is of mode {image.mode}, which cannot be made {mode}: save it as {mode}."
        ) from error


def scale_to_eight_bits(image: Image, path: str | Path, data: str) -> Image:
    """Return an image in one of ``DEEP``'s modes scaled to 8 bits."""
    from PIL import Image as Images

    values = np.asarray(image)
    if problem := scaling_problem(image, values):
        raise SnnfwError(f"image '{path}' of data '{data}' {problem}: save it with 8 or 16 bits.")
    white = 1.0 if image.mode == "F" else 65535.0
    return Images.fromarray((values * (255 / white)).round().astype(np.uint8))


def scaling_problem(image: Image, values: NDArray[Any]) -> str | None:
    """Return why an image in one of ``DEEP``'s modes has no brightest value that it could be scaled from."""
    if image.mode == "F" and not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        return f"is of mode F (floats) with values from {values.min():g} to {values.max():g} instead of 0 to 1"
    if image.mode == "I" and image.format not in SIXTEEN:
        return "is of mode I (whole numbers of 32 bits), whose brightest value nothing tells"
    return None


def decoding_errors() -> tuple[type[Exception], ...]:
    """Return the errors that opening and decoding an image file may raise.

    PIL raises SyntaxError on damaged PNG files and an error of its own on ones so large that they may be an attack;
    ultralytics, once imported, looks for another decoder there and raises ImportError.
    """
    from PIL.Image import DecompressionBombError

    return (OSError, SyntaxError, ValueError, ImportError, DecompressionBombError)


def prepare_image(image: Image, prepare: Preprocess) -> Tensor:
    """Return the sample [C, crop, crop] that ``prepare`` makes of an image."""
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as F

    size = [prepare.resize, prepare.resize] if prepare.squash else [prepare.resize]
    resized = F.resize(image, size, InterpolationMode(prepare.interpolation))
    pixels = F.convert_image_dtype(F.pil_to_tensor(F.center_crop(resized, [prepare.crop])), torch.float32)
    sample: Tensor = F.normalize(pixels, list(prepare.mean), list(prepare.std))
    return sample
