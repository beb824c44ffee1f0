"""Image files for training: a part of the image at random, resized, mirrored, and perhaps distorted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as F

from snnfw_tasks.classification.augment import auto_augment
from snnfw_tasks.samples.images import read_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from snnfw_tasks.samples.labelled import Preprocess

AREA = [0.08, 1.0]
"""Share of the image that is cut out, as is usual for ImageNet (Szegedy et al. 2015)."""

RATIO = [3 / 4, 4 / 3]
"""Width over height of what is cut out."""


@dataclass(frozen=True, slots=True)
class RandomCrops:
    """Image files with their labels, of which every reading gives another part; ``policy`` is AutoAugment's."""

    files: Sequence[tuple[str, int]]
    prepare: Preprocess
    data: str
    policy: str | None = None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.files[index]
        mean, std, side = self.prepare.mean, self.prepare.std, self.prepare.crop
        image = read_image(path, "L" if len(mean) == 1 else "RGB", self.data)
        part = RandomResizedCrop.get_params(image, AREA, RATIO)
        image = F.resized_crop(image, *part, [side, side], InterpolationMode(self.prepare.interpolation))
        pixels: Tensor = F.pil_to_tensor(F.hflip(image) if torch.rand(()) < 0.5 else image)
        if self.policy:
            pixels = auto_augment(pixels, self.policy, mean)
        return F.normalize(pixels / 255, list(mean), list(std)), label
