from __future__ import annotations

import hashlib
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10, CIFAR100

from snnfw.errors import SnnfwError
from snnfw.values import Resources
from snnfw_tasks.classification.data.cifar import Cifar10, Cifar100
from snnfw_tasks.classification.task import Classification
from snnfw_tasks.networks.imported import CallableModel

if TYPE_CHECKING:
    from pathlib import Path

TINY = CallableModel("snnfw_tasks.networks.cifar_resnet:CifarResNet", args={"depth": 8, "width": 4, "classes": 10})


def write(path: Path, content: dict[str, Any]) -> str:
    """Pickle as CIFAR's authors did, and return the MD5 sum."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def batch(labels: list[int], key: str = "labels") -> dict[str, Any]:
    """Return images of which every value is ten times the label."""
    return {"data": np.array([[10 * label] * 3072 for label in labels], dtype=np.uint8), key: labels}


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cifar-10-batches-py"
    names = ["data_batch_1", "data_batch_2"]
    train = [[name, write(folder / name, batch([1, 2, 3, 4]))] for name in names]
    test = [["test_batch", write(folder / "test_batch", batch([9, 0, 5]))]]
    meta = write(folder / "batches.meta", {"label_names": [f"class {number}" for number in range(10)]})
    monkeypatch.setattr(CIFAR10, "train_list", train)
    monkeypatch.setattr(CIFAR10, "test_list", test)
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": meta})
    return tmp_path


def test_cifar10_is_read_as_published(cifar10: Path) -> None:
    data = Cifar10(cifar10).open(None)
    assert data.classes[9] == "class 9"
    assert [len(data.training), len(data.calibration), len(data.evaluation)] == [8, 8, 3]
    image, label = data.evaluation[0]
    assert label == 9
    expected = (90 / 255 - torch.tensor([0.4914, 0.4822, 0.4465])) / torch.tensor([0.2470, 0.2435, 0.2616])
    assert image.shape == (3, 32, 32)
    assert image[:, 7, 7].allclose(expected)


def test_cifar10_runs_through_the_task(cifar10: Path) -> None:
    bundle = Classification(batch=2, calibration=3).load(TINY, Cifar10(cifar10), Resources())
    assert [len(inputs[0]) for inputs in bundle.data.calibration] == [2, 1]
    assert [found.target.tolist() for found in bundle.data.evaluation] == [[9, 0], [5]]
    assert bundle.description["reading"]["read"] == {"train": 8, "test": 3}


def test_cifar100_uses_the_fine_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cifar-100-python"
    content = batch([1, 25], "fine_labels") | {"coarse_labels": [0, 1]}
    monkeypatch.setattr(CIFAR100, "train_list", [["train", write(folder / "train", content)]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", write(folder / "test", content)]])
    names = {"fine_label_names": [f"fine {number}" for number in range(100)], "coarse_label_names": ["a"]}
    monkeypatch.setattr(CIFAR100, "meta", {**CIFAR100.meta, "md5": write(folder / "meta", names)})
    data = Cifar100(tmp_path).open(None)
    assert len(data.classes) == 100
    assert [data.evaluation[index][1] for index in range(2)] == [1, 25]


def test_a_missing_file_is_named_with_all_that_are_expected(tmp_path: Path) -> None:
    with pytest.raises(SnnfwError) as caught:
        Cifar10(tmp_path).open(None)
    folder = tmp_path / "cifar-10-batches-py"
    assert str(caught.value) == (
        f"data 'cifar10' finds no file '{folder}/data_batch_1': extract cifar-10-python.tar.gz into "
        f"'{tmp_path}', so that '{folder}' holds data_batch_1, data_batch_2, data_batch_3, data_batch_4, "
        "data_batch_5, test_batch, batches.meta."
    )


def test_a_damaged_file_is_named_and_never_unpickled(cifar10: Path) -> None:
    path = cifar10 / "cifar-10-batches-py" / "data_batch_2"
    path.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(SnnfwError) as caught:
        Cifar10(cifar10).open(None)
    assert str(caught.value) == (
        f"file '{path}' is damaged, its MD5 sum is not the published {CIFAR10.train_list[1][1]}: "
        f"extract cifar-10-python.tar.gz into '{cifar10}' again."
    )


@pytest.mark.parametrize(
    ("augment", "changed", "exact"), [("none", False, True), ("standard", True, True), ("auto", True, False)]
)
def test_training_images_alone_are_distorted_as_the_source_says(
    cifar10: Path, augment: Any, changed: bool, exact: bool
) -> None:
    data = Cifar10(cifar10, augment=augment)
    bundle = Classification(batch=8).load(TINY, data, Resources())
    assert bundle.training is not None
    [batch] = bundle.training.batches(8, 0, 1)
    plain = torch.stack([data.open(None).training[index][0] for index in range(8)])
    levels = set(plain.unique().tolist())
    # Crops only move what is there and fill with zeros; AutoAugment makes values of its own.
    assert (set(batch.inputs[0].unique().tolist()) <= levels | {0.0}) is exact
    assert bool((batch.inputs[0] == 0).any()) is changed
    calibration = torch.cat([inputs[0] for inputs in bundle.data.calibration])
    assert set(calibration.unique().tolist()) <= levels
