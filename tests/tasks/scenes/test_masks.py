from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from snnfw_tasks.scenes import masks as scenes_masks
from snnfw_tasks.scenes.draw import draw_scene
from snnfw_tasks.scenes.files import CLASSES, PREPARE, scenes_folder

if TYPE_CHECKING:
    from pathlib import Path

FEW = {"train": 4, "val": 3, "test": 2}


@pytest.fixture(autouse=True)
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(scenes_masks, "scenes_folder", partial(scenes_folder, counts=FEW))


def test_the_training_scenes_are_drawn_when_they_are_needed(tmp_path: Path) -> None:
    masked = scenes_masks.open_scenes(None, None)

    assert masked.classes == CLASSES
    assert not masked.mirror
    assert (len(masked.calibration), len(masked.evaluation)) == (3, 2)
    assert not list(tmp_path.rglob("train-*"))
    assert len(masked.training()) == 4


def test_samples_are_the_scenes_in_the_networks_normalisation() -> None:
    image, labels = scenes_masks.open_scenes(PREPARE, None).evaluation[1]
    scene = draw_scene("test", 1)

    assert np.array_equal(labels.numpy(), scene.labels)
    colours = image.permute(1, 2, 0).numpy() * 0.25 + 0.5
    assert np.abs(colours * 255 - scene.image).mean() < 4


def test_another_size_is_another_resolution() -> None:
    image, labels = scenes_masks.open_scenes(PREPARE, 64).calibration[0]

    assert image.shape == (3, 64, 64)
    assert labels.shape == (64, 64)
