"""The real images of a folder, a part of them if so asked, as batches that a network takes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy
import torch
from PIL import Image
from torch import Tensor

from snnfw import Batch, SnnfwError

Triple = tuple[float, float, float]

Pair = tuple[Tensor, Tensor]
"""Pixels [N, 3, H, W], uint8, and labels [N], long."""

EVERY = 10
"""Of ImageNet's images every so manyth calibrates, and none of these is tested on."""


@dataclass(frozen=True, slots=True)
class Images:
    """Labelled images as batches: ``pixels`` [N, 3, H, W], uint8, are normalised channel by channel as they are read.

    ``targets`` [N, ...] are the labels, or what a scorer compares outputs with.
    """

    pixels: Tensor
    targets: Tensor
    mean: Triple
    std: Triple
    batch: int

    def __iter__(self) -> Iterator[Batch]:
        mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (self.mean, self.std))
        for pixels, targets in zip(self.pixels.split(self.batch), self.targets.split(self.batch), strict=True):
            yield Batch(((pixels.float() / 255 - mean) / std,), targets)

    def __len__(self) -> int:
        return math.ceil(len(self.pixels) / self.batch)


def cifar_images(part: str, root: Path, limit: int | None) -> Pair:
    """Return the first images of a part, which the folder has class after class in turn."""
    path = root / "cifar10" / f"{part}.npz"
    try:
        with numpy.load(path, allow_pickle=False) as held:
            images, labels = (torch.from_numpy(held[name][:limit]) for name in ("images", "labels"))
        return images.permute(0, 3, 1, 2).contiguous(), labels.long()
    except (OSError, EOFError, BadZipFile, ValueError, KeyError, RuntimeError) as error:
        raise unreadable(path, error) from error


def imagenet_images(calibrating: bool, root: Path, limit: int | None) -> Pair:
    """Return images evenly spread over all classes, since files are sorted by these: NNN.jpg is of class NNN."""
    paths = sorted((root / "imagenet").glob("[0-9][0-9][0-9].jpg"))
    found = [path for number, path in enumerate(paths) if (number % EVERY == 0) == calibrating]
    if not found:
        raise SnnfwError(f"'{root / 'imagenet'}' holds {len(paths)} images NNN.jpg: at least two are needed.")
    count = min(limit or len(found), len(found))
    chosen = [found[index * len(found) // count] for index in range(count)]
    return torch.stack([pixels_of(path) for path in chosen]), torch.tensor([int(path.stem) for path in chosen])


def pixels_of(path: Path) -> Tensor:
    """Return an image as [3, H, W], uint8."""
    try:
        with Image.open(path) as image:
            return torch.from_numpy(numpy.array(image.convert("RGB"))).permute(2, 0, 1)
    except (OSError, ImportError) as error:  # ultralytics has PIL ask for packages of other formats
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> SnnfwError:
    """Return what is said of a file that is missing, or is something else."""
    lines = str(error).splitlines() or [type(error).__name__]
    return SnnfwError(
        f"'{path}' cannot be read ({lines[0]}): --root takes a folder as benchmarks/README.md describes it."
    )
