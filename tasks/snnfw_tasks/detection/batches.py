"""Images and what is in them, batch by batch, the way ultralytics' validator prepares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from snnfw_tasks.samples.batches import LoadedBatches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.utils.data import Dataset

    from snnfw import Item


@dataclass(frozen=True, slots=True)
class Truth:
    """What is in one image: ``classes`` [n] and ``boxes`` [n, 4] (x, y of the middle, width, height as fractions).

    ``side`` is the letterboxed image's height and width in pixels, ``original`` the file's; ``ratio_pad`` is how
    ultralytics got from one to the other.
    """

    classes: Tensor
    boxes: Tensor
    side: tuple[int, int]
    original: tuple[int, int]
    ratio_pad: Any
    file: str


Truths: TypeAlias = "tuple[Truth, ...]"


def batch_images(
    images: Dataset[dict[str, Any]], size: int, workers: int, make: Callable[[Tensor, Truths], Item]
) -> LoadedBatches[Item]:
    """Return ultralytics' data set in batches; ``make`` shapes (images [N, 3, H, W] from 0 to 1, truths)."""
    return LoadedBatches(images, size, workers, collate, make)


def collate(items: Sequence[dict[str, Any]]) -> tuple[Tensor, Truths]:
    """Return the images, scaled to 0..1 as ultralytics does it, and what is in each."""
    return torch.stack([item["img"] for item in items]).float() / 255, tuple(as_truth(item) for item in items)


def as_truth(item: dict[str, Any]) -> Truth:
    """Return the truth of an image out of an item of ultralytics' data set."""
    return Truth(
        classes=item["cls"].flatten(),
        boxes=item["bboxes"],
        side=tuple(item["img"].shape[1:]),
        original=item["ori_shape"],
        ratio_pad=item.get("ratio_pad"),  # distorted images have none
        file=item["im_file"],
    )


def select_truths(truths: Truths, keep: Tensor) -> Truths:
    """Return the truths with these indices."""
    return tuple(truths[index] for index in keep.tolist())
