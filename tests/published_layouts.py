"""Data sets that tests write, a few samples each, in the layouts in which they are published."""

from __future__ import annotations

import hashlib
import json
import pickle
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
from torchvision.datasets import CIFAR10, CIFAR100

from boxed_images import write_images
from masked_files import write_image, write_voc
from recordings import (
    Spec,
    action_recognition,
    cifar10_dvs,
    ncaltech101,
    ncars,
    write_aedat2,
    write_bin,
    write_dat,
    write_davis346,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

CATEGORIES = {"Airplane": "02691156", "Mug": "03797390"}
"""Two of ShapeNet-Part's categories and their folders."""


def write_pickle(path: Path, content: dict[str, Any]) -> str:
    """Pickle as CIFAR's authors did, and return the MD5 sum."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def write_cifar10(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Write eight images for training and four for the test as CIFAR-10's files hold them."""
    folder = root / "cifar-10-batches-py"
    pixels = np.random.default_rng(0).integers(256, size=(8, 3072), dtype=np.uint8)
    train = write_pickle(folder / "data_batch_1", {"data": pixels, "labels": list(range(8))})
    test = write_pickle(folder / "test_batch", {"data": pixels[:4], "labels": [6, 7, 8, 9]})
    meta = write_pickle(folder / "batches.meta", {"label_names": [f"class {number}" for number in range(10)]})
    patch.setattr(CIFAR10, "train_list", [["data_batch_1", train]])
    patch.setattr(CIFAR10, "test_list", [["test_batch", test]])
    patch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": meta})


def write_cifar100(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Write eight images for training and four for the test as CIFAR-100's files hold them."""
    folder = root / "cifar-100-python"
    pixels = np.random.default_rng(1).integers(256, size=(8, 3072), dtype=np.uint8)
    train = write_pickle(folder / "train", {"data": pixels, "fine_labels": list(range(8))})
    test = write_pickle(folder / "test", {"data": pixels[:4], "fine_labels": [96, 97, 98, 99]})
    meta = write_pickle(folder / "meta", {"fine_label_names": [f"class {number}" for number in range(100)]})
    patch.setattr(CIFAR100, "train_list", [["train", train]])
    patch.setattr(CIFAR100, "test_list", [["test", test]])
    patch.setattr(CIFAR100, "meta", {**CIFAR100.meta, "md5": meta})


def write_imagenet(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Write two images of either of two classes."""
    del patch
    for split in ("train", "val"):
        for number, name in enumerate(("n01440764", "n01443537")):
            for image in range(2):
                write_image(root / split / name / f"{name}_{image}.JPEG", 40, 36, (255 * number, 80 * image, 20))


def write_voc2012(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Write two images to train with and two to test on, with their masks."""
    del patch
    write_voc(root / "VOCdevkit" / "VOC2012", train=["a", "b"], val=["c", "d"])


def write_coco2017(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Write two images of either split, each with one square instance."""
    del patch
    (root / "annotations").mkdir(parents=True)
    categories = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}]
    for split in ("train2017", "val2017"):
        images, annotations = [], []
        for number in (1, 2):
            write_image(root / split / f"{number:012}.jpg", 16, 12)
            images.append({"id": number, "file_name": f"{number:012}.jpg", "width": 16, "height": 12})
            square = {"segmentation": [[2, 2, 10, 2, 10, 8, 2, 8]], "area": 48, "bbox": [2, 2, 8, 6], "iscrowd": 0}
            category = categories[number - 1]["id"]
            annotations.append({"id": number, "image_id": number, "category_id": category, **square})
        described = {"images": images, "annotations": annotations, "categories": categories}
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(described))


def write_shapenet(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Write two clouds of two categories in either split."""
    del patch
    random = np.random.default_rng(0)
    (root / "train_test_split").mkdir(parents=True)
    (root / "synsetoffset2category.txt").write_text("".join(f"{name}\t{at}\n" for name, at in CATEGORIES.items()))
    for split in ("train", "val", "test"):
        entries = []
        for folder, first in zip(CATEGORIES.values(), (0, 36), strict=True):
            for number in range(2):
                points = random.normal(size=(40, 3))
                parts = first + np.arange(40) % 2
                (root / folder).mkdir(exist_ok=True)
                np.savetxt(root / folder / f"{split}{number}.txt", np.column_stack([points, points, parts]))
                entries.append(f"shape_data/{folder}/{split}{number}")
        (root / "train_test_split" / f"shuffled_{split}_file_list.json").write_text(json.dumps(entries))


def write_speech_commands(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Write two words by four speakers, one of them for validation and one for the test, half a second each."""
    del patch
    speakers = [f"{number:08x}_nohash_0.wav" for number in range(4)]
    for number, word in enumerate(("no", "yes")):
        (root / word).mkdir()
        for index, name in enumerate(speakers):
            tone = np.sin(np.arange(8000) * (0.1 + 0.1 * number + 0.01 * index)) * 9000
            with wave.open(str(root / word / name), "wb") as written:
                written.setparams((1, 2, 16000, 8000, "NONE", "not compressed"))
                written.writeframes(tone.astype("<i2").tobytes())
    for listed, name in (("validation_list.txt", speakers[0]), ("testing_list.txt", speakers[1])):
        (root / listed).write_text(f"no/{name}\nyes/{name}\n")


def write_imdb(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Write four reviews of either kind in either split."""
    del patch
    for split in ("train", "test"):
        for kind, word, rating in (("neg", "bad", 2), ("pos", "good", 9)):
            (root / split / kind).mkdir(parents=True)
            for number in range(4):
                review = f"A {word} film.<br />{'Really! ' * number}"
                (root / split / kind / f"{number}_{rating}.txt").write_text(review, encoding="utf-8")


def write_boxes(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Write four images with boxes in either split, and their data.yaml."""
    del patch
    write_images(root)


def _events(
    write: Callable[[Path], Any], suffix: str, record: Callable[[Path, Spec], None]
) -> Callable[[Path, pytest.MonkeyPatch], None]:
    """Return what writes a layout, and then another 200 events into every file of it."""

    def written(root: Path, patch: pytest.MonkeyPatch) -> None:
        del patch
        write(root)
        random = np.random.default_rng(0)
        for path in sorted(root.rglob(f"*{suffix}")):
            events = zip(*(random.integers(most, size=200).tolist() for most in (100, 100, 9000, 2)), strict=True)
            record(path, sorted(events, key=lambda event: event[2]))

    return written


LAYOUTS: dict[str, Callable[[Path, pytest.MonkeyPatch], None]] = {
    "cifar10": write_cifar10,
    "cifar100": write_cifar100,
    "imagenet": write_imagenet,
    "voc": write_voc2012,
    "coco": write_coco2017,
    "shapenet-part": write_shapenet,
    "speech-commands": write_speech_commands,
    "imdb": write_imdb,
    "yolo": write_boxes,
    "cifar10-dvs": _events(cifar10_dvs, ".aedat", write_aedat2),
    "ncaltech101": _events(ncaltech101, ".bin", write_bin),
    "ncars": _events(ncars, ".dat", write_dat),
    "action-recognition": _events(action_recognition, ".aedat", write_davis346),
}
"""How each data set is written, by the name of its source."""
