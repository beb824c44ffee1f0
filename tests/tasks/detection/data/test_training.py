"""Training images depend on the seed and their number alone, whoever draws them and whatever came before."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from boxed_images import write_images
from snnfw.errors import SnnfwError
from snnfw_tasks.detection.data.training import TrainingImages
from snnfw_tasks.detection.data.yolo import Yolo
from snnfw_tasks.samples.boxed import Augmentation

FULL = Augmentation(mosaic=0.5, mixup=0.5, cutmix=0.2, degrees=10, shear=2, flipud=0.5)


def images(root: Path, augment: Augmentation = FULL, count: int = 8) -> TrainingImages:
    return TrainingImages(Yolo(file=write_images(root, count=count), augment=augment).open(), 32, "yolo")


def numpys() -> torch.Tensor:
    """Return the state of NumPy's generator."""
    return torch.from_numpy(cast("tuple[Any, ...]", np.random.get_state())[1].astype(np.int64))


def drawn(given: TrainingImages, seed: int, workers: int = 0) -> list[torch.Tensor]:
    return [batch.inputs[0] for batch in given.batches(4, workers, seed)]


def test_an_epoch_repeats_whatever_was_drawn_before(tmp_path: Path) -> None:
    given = images(tmp_path / "a")
    first = drawn(given, 3)
    drawn(given, 4)
    random.seed(9)
    state = random.getstate(), numpys()
    again = drawn(given, 3)
    assert random.getstate() == state[0]
    assert numpys().equal(state[1])
    assert all(one.equal(other) for one, other in zip(first, again, strict=True))
    assert not first[0].equal(drawn(given, 5)[0])


def test_processes_that_load_data_change_nothing(tmp_path: Path) -> None:
    given = images(tmp_path / "a")
    assert all(one.equal(other) for one, other in zip(drawn(given, 3), drawn(given, 3, workers=2), strict=True))


def test_without_distortion_images_and_boxes_are_those_of_the_files(tmp_path: Path) -> None:
    still = Augmentation(mosaic=0, hsv_h=0, hsv_s=0, hsv_v=0, translate=0, scale=0, fliplr=0)
    (batch,) = images(tmp_path / "a", still).batches(8, 0, 0)
    square = next(i for i, truth in enumerate(batch.target) if truth.original == (64, 64))
    torch.testing.assert_close(
        batch.target[square].boxes, torch.tensor([[0.375, 0.375, 0.25, 0.25]]), atol=0.02, rtol=0
    )
    assert batch.inputs[0].shape == (8, 3, 32, 32)
    assert 0.5 < float(batch.inputs[0].max()) <= 1


def test_one_image_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(SnnfwError) as caught:
        images(tmp_path / "a", count=1).batches(4, 0, 0)
    assert str(caught.value) == "data 'yolo' has 1 training images, 2 or more are needed."
