"""Training images, distorted by ultralytics' own transforms: what each becomes a seed and its index fix."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw import SnnfwError
from snnfw_tasks.detection.batches import collate
from snnfw_tasks.detection.data.images import open_images
from snnfw_tasks.samples.batches import LoadedBatches, as_batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snnfw import Batch
    from snnfw_tasks.samples.boxed import Splits

MOST_SEEDS = 2**32
"""NumPy's generator takes no more."""


@dataclass(frozen=True, slots=True)
class Distorted:
    """Ultralytics' data set with augmentation, whose random numbers follow ``seed`` and the index of an image."""

    images: Any
    seed: int

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        with _seeded(self.seed * len(self.images) + index):
            item: dict[str, Any] = self.images[index]
        return item


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the generators that ultralytics draws from, and put them back."""
    before, numpys = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed % MOST_SEEDS)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpys)


class TrainingImages:
    """The training split in batches, read when the first of them are asked for and then kept."""

    def __init__(self, splits: Splits, side: int, data: str) -> None:
        self._splits, self._side, self._data = splits, side, data
        self._images: Any = None

    def batches(self, batch: int, workers: int, seed: int) -> LoadedBatches[Batch]:
        """Return distorted images in batches, in an order that ``seed`` fixes."""
        if self._images is None:
            self._images = self._open()
        distorted = Distorted(self._images, seed)
        return LoadedBatches(distorted, min(batch, len(distorted)), workers, collate, as_batch, seed)

    def _open(self) -> Any:
        splits = self._splits
        places = splits.training() if splits.training else ()
        opened = partial(open_images, places, self._side, splits.names, lambda files: files, "train")
        images, _ = opened(splits.skip_broken, splits.augment)
        if len(images) < 2:
            raise SnnfwError(f"data '{self._data}' has {len(images)} training images, 2 or more are needed.")
        if not any(len(entry["cls"]) for entry in images.labels):
            raise SnnfwError(
                f"the train split of data '{self._data}' holds no box, so nothing can be learnt: put a label file for "
                f"each image beside '{images.im_files[0]}', under 'labels' instead of 'images'."
            )
        return repeatable(images)


def repeatable(images: Any) -> Any:
    """Return the data set without what would make an image depend on those seen before, or on another library.

    Its mosaic takes images out of a buffer of the latest, and Albumentations, where installed, draws by itself.
    """
    from ultralytics.data.augment import Albumentations

    steps = images.transforms.transforms
    images.transforms.transforms = [step for step in steps if not isinstance(step, Albumentations)]
    for step in steps[0].transforms:
        if hasattr(step, "buffer_enabled"):
            step.buffer_enabled = False
    return images
