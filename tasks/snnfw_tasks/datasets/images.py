"""Images as samples: pixels held in memory, or files read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image
    from torch import Tensor

    from snnfw_tasks.labelled import Preprocess


@dataclass(frozen=True, slots=True)
class PixelSamples:
    """Images in memory as bytes [N, C, H, W], normalised one by one; ``white`` is the brightest value."""

    pixels: Tensor
    labels: Sequence[int]
    white: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.pixels[index].to(torch.float32) / self.white
        return F.normalize(image, list(self.mean), list(self.std)), int(self.labels[index])


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
        return prepared(read_image(path, "L" if len(self.prepare.mean) == 1 else "RGB", self.data), self.prepare), label


def read_image(path: str, mode: str, data: str) -> Image:
    """Return the decoded image in one of PIL's modes."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.convert(mode)
    except undecodable() as error:
        raise SnnfwError(f"image '{path}' of data '{data}' cannot be read: repair or remove it.") from error


def undecodable() -> tuple[type[Exception], ...]:
    """Return what opening and decoding an image file may raise.

    PIL raises SyntaxError on damaged PNG files and an error of its own on ones so large that they may be an attack;
    ultralytics, once imported, looks for another decoder there and raises ImportError.
    """
    from PIL.Image import DecompressionBombError

    return (OSError, SyntaxError, ValueError, ImportError, DecompressionBombError)


def prepared(image: Image, prepare: Preprocess) -> Tensor:
    """Return the sample [C, crop, crop] that ``prepare`` makes of an image."""
    size = [prepare.resize, prepare.resize] if prepare.squash else [prepare.resize]
    resized = F.resize(image, size, InterpolationMode(prepare.interpolation))
    pixels = F.convert_image_dtype(F.pil_to_tensor(F.center_crop(resized, [prepare.crop])), torch.float32)
    sample: Tensor = F.normalize(pixels, list(prepare.mean), list(prepare.std))
    return sample
