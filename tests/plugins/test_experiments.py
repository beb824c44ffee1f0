"""The experiments that plugins ship are complete, and run where the data is."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import CIFAR10

from snnfw.config.experiments import shipped_experiments
from snnfw.config.resolution import resolve
from snnfw.config.training import resolve_training
from snnfw.errors import SnnfwError
from snnfw.registry import Registry
from snnfw.train import train
from snnfw_plugins import ibra, inflor, tracking
from snnfw_plugins.ibra import IntegerBinaryRangeAlignment
from snnfw_plugins.inflor import SoftResetIntegrateAndFire
from snnfw_tasks.classification import task as classification
from snnfw_tasks.events import task as events
from snnfw_tasks.events.data.frames import Framing

PACKAGED = {
    "inflor/cifar10_resnet19": ("resnet19", "cifar10", 6),
    "inflor/cifar10_resnet20": ("cifar-resnet", "cifar10", 4),
    "inflor/cifar10dvs_resnet19": ("resnet19", "cifar10-dvs", 10),
    "inflor/cifar100_resnet19": ("resnet19", "cifar100", 4),
    "inflor/cifar100_resnet20": ("cifar-resnet", "cifar100", 4),
    "inflor/imagenet_resnet18": ("torchvision", "imagenet", 4),
    "inflor/imagenet_resnet34": ("torchvision", "imagenet", 4),
    "ibra/cifar10_resnet18": ("cifar-resnet18", "cifar10", 1),
    "ibra/cifar100_resnet18": ("cifar-resnet18", "cifar100", 1),
    "ibra/imagenet_resnet34": ("torchvision", "imagenet", 1),
}
NEURONS = {"inflor": SoftResetIntegrateAndFire(), "ibra": IntegerBinaryRangeAlignment(n=100, d=5.11)}
HERE = Path(__file__).resolve().parents[2]


@pytest.fixture
def registry() -> Registry:
    return Registry(plugins=[tracking, inflor, ibra, classification, events], entry_points=False)


def test_nothing_else_is_shipped() -> None:
    shipped = {f"{m.__name__.rpartition('.')[2]}/{name}" for m in (inflor, ibra) for name in shipped_experiments(m)}
    assert shipped == set(PACKAGED)


def test_the_frames_of_cifar10_dvs_are_zeros_and_ones(registry: Registry) -> None:
    data: Any = resolve_training(["experiment=inflor/cifar10dvs_resnet19", "data.root=/data"], registry).run.data
    framing = Framing((128, 128), (data.size, data.size), data.frames, data.slicing, data.clip, data.static)
    counts = np.zeros((data.frames, 2, data.size, data.size), np.int16)
    counts[0, 0, 0, :4] = 1, 2, 9, 300
    frames = framing.sample(counts)
    assert frames.unique().tolist() == [0.0, 1.0]
    assert frames.sum() == 4


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_experiment_needs_nothing_but_the_data(name: str, registry: Registry) -> None:
    plugin = name.partition("/")[0]
    config = resolve_training([f"experiment={name}", "data.root=/data"], registry)
    run = config.run
    assert (run.model.name, run.data.name, run.timesteps) == PACKAGED[name]
    assert run.plugin == plugin
    assert run.layers[0].neuron == NEURONS[plugin]
    assert (config.trainer.optimizer, config.trainer.schedule, config.trainer.decay) == ("sgd", "cosine", 1e-4)
    assert resolve([f"experiment={name}", "data.root=/data"], registry).layers == run.layers


@pytest.mark.parametrize("name", PACKAGED)
def test_a_page_shows_every_packaged_experiment(name: str) -> None:
    assert f"| `{name}` |" in (HERE / "docs/howto/experiments.md").read_text(encoding="utf-8")


def test_without_a_root_the_data_source_says_what_it_needs(registry: Registry) -> None:
    with pytest.raises(SnnfwError) as caught:
        resolve_training(["experiment=inflor/cifar10_resnet20"], registry)
    assert str(caught.value) == "data set 'cifar10' needs a value for 'root': give data.root=..."


def test_without_the_files_the_data_source_says_what_it_expects(registry: Registry, tmp_path: Path) -> None:
    words = ["experiment=ibra/imagenet_resnet34", f"data.root={tmp_path / 'no'}", f"out={tmp_path / 'out'}"]
    with pytest.raises(SnnfwError) as caught:
        train(resolve_training(words, registry))
    assert str(caught.value) == (
        f"data 'imagenet' finds no folder '{tmp_path}/no': expected there are train/CLASS/*.JPEG and "
        "val/CLASS/*.JPEG, with one folder per class such as n01440764."
    )


def write(path: Path, content: dict[str, Any]) -> str:
    """Pickle as CIFAR's authors did, and return the MD5 sum."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write eight images for training and four for the test as CIFAR-10's files hold them."""
    folder = tmp_path / "cifar-10-batches-py"
    pixels = np.random.default_rng(0).integers(256, size=(8, 3072), dtype=np.uint8)
    train = write(folder / "data_batch_1", {"data": pixels, "labels": list(range(8))})
    test = write(folder / "test_batch", {"data": pixels[:4], "labels": [6, 7, 8, 9]})
    meta = write(folder / "batches.meta", {"label_names": [f"class {number}" for number in range(10)]})
    monkeypatch.setattr(CIFAR10, "train_list", [["data_batch_1", train]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", test]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": meta})
    return tmp_path


def test_a_packaged_experiment_trains_where_the_data_is(registry: Registry, cifar10: Path) -> None:
    words = ["experiment=inflor/cifar10_resnet20", f"data.root={cifar10}", "model.depth=8", "model.width=16"]
    shortened = ["timesteps=2", "trainer.epochs=1", "trainer.batch=4", f"out={cifar10 / 'out'}"]
    folder = train(resolve_training([*words, *shortened], registry))
    assert "accuracy" in json.loads((folder / "training.json").read_text(encoding="utf-8"))["scores"]
