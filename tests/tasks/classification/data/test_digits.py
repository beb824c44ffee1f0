from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import torch

from snnfw_tasks.classification.data.digits import PREPARE, Digits
from snnfw_tasks.samples.digits import stratified_order

if TYPE_CHECKING:
    from snnfw_tasks.samples.labelled import Samples


def images(samples: Samples) -> torch.Tensor:
    return torch.stack([samples[index][0] for index in range(len(samples))])


def test_the_splits_are_disjoint_and_together_all_digits() -> None:
    order = stratified_order(np.repeat(np.arange(10), 180))
    assert sorted(order.tolist()) == list(range(1800))
    data = Digits().open(None)
    assert [len(data.training), len(data.calibration), len(data.evaluation)] == [944, 256, 597]


def test_every_split_holds_the_classes_in_proportion() -> None:
    data = Digits().open(None)
    for split in (data.training, data.calibration, data.evaluation):
        counts = torch.bincount(torch.tensor([split[index][1] for index in range(len(split))]), minlength=10)
        assert (counts - len(split) / 10).abs().max() <= 4


def test_the_test_split_is_the_same_everywhere() -> None:
    split = Digits().open(None).evaluation
    labels = bytes(split[index][1] for index in range(len(split)))
    pixels = (images(split) * PREPARE.std[0] + PREPARE.mean[0]) * 16
    digest = hashlib.sha256(labels + pixels.round().to(torch.uint8).numpy().tobytes()).hexdigest()
    assert digest == "d5f37cf8d4bb6c93088a66756407ae057197a2844e66ee34ffd6ce730d5c3d8c"


def test_the_training_images_are_normalised() -> None:
    training = images(Digits().open(None).training)
    assert training.shape == (944, 1, 8, 8)
    assert abs(training.mean()) < 0.01
    assert abs(training.std() - 1) < 0.01
