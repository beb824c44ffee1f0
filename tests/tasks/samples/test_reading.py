from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from torch import nn

from boxed_images import write_images
from given_sources import GivenModel
from masked_files import write_image, write_mask
from recordings import cifar10_dvs, dvs_gesture, ncaltech101, ncars
from snnfw.errors import SnnfwError
from snnfw.values import Resources
from snnfw_tasks.classification.data.folders import Folder, ImageNet
from snnfw_tasks.classification.task import Classification
from snnfw_tasks.detection.data.images import make_reading, open_images
from snnfw_tasks.detection.data.yolo import Yolo
from snnfw_tasks.detection.models.yolo import ScenesYoloRelu
from snnfw_tasks.detection.task import Detection
from snnfw_tasks.pointcloud.data.folders import CloudFolders
from snnfw_tasks.pointcloud.data.modelnet import ModelNet40
from snnfw_tasks.pointcloud.task import PointCloud
from snnfw_tasks.samples.reading import Reading, list_files, merge_left_out, read_lines, summarise_names, tell_reading
from snnfw_tasks.segmentation.data.coco import Coco
from snnfw_tasks.segmentation.data.folders import Masks
from snnfw_tasks.segmentation.task import Segmentation
from snnfw_tasks.speech.data.folders import Waves
from snnfw_tasks.speech.task import Speech
from snnfw_tasks.text.data.folders import TextFolders
from snnfw_tasks.text.task import TextTask
from wave_files import write_waves

if TYPE_CHECKING:
    from collections.abc import Callable

CLASSES = ("bee", "b", "truck", "yin_yang", "cars", "user01_led")
BOX = "OFF\n4 4 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 1 2\n3 0 1 3\n3 0 2 3\n3 1 2 3\n"


def write_classes(root: Path, splits: tuple[str, ...], suffix: str = ".png") -> None:
    for split in splits:
        for name in ("ant", "bee"):
            for number in range(2):
                write_image(root / split / name / f"{number}{suffix}", 12, 10)


def folder(root: Path) -> Folder:
    write_classes(root, ("train", "test"))
    return Folder(root, size=8)


def imagenet(root: Path) -> ImageNet:
    write_classes(root, ("train", "val"), ".JPEG")
    return ImageNet(root, size=8)


def masks(root: Path) -> Masks:
    for split in ("train", "test"):
        for number in range(2):
            write_image(root / split / "images" / f"{number}.jpg")
            write_mask(root / split / "masks" / f"{number}.png", np.full((4, 6), number))
    return Masks(root, ("no", "yes"), size=8)


def coco(root: Path) -> Coco:
    (root / "annotations").mkdir(parents=True)
    for split in ("train2017", "val2017"):
        images = [{"id": number, "file_name": f"{number}.jpg", "width": 6, "height": 4} for number in range(2)]
        things = [{"id": 1, "image_id": 0, "category_id": 1, "segmentation": [[0, 0, 3, 0, 3, 3]]}]
        for image in images:
            write_image(root / split / str(image["file_name"]))
        content = {"images": images, "annotations": things, "categories": [{"id": 1, "name": "red"}]}
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
    return Coco(root, size=8)


def write_boxes(root: Path, places: tuple[str, ...]) -> None:
    for place in places:
        (root / place).mkdir(parents=True)
        (root / place / "box.off").write_text(BOX)


def clouds(root: Path) -> CloudFolders:
    write_boxes(root, ("train/a", "train/b", "test/a", "test/b"))
    return CloudFolders(root, points=8)


def modelnet(root: Path) -> ModelNet40:
    write_boxes(root, ("a/train", "a/test", "b/train", "b/test"))
    return ModelNet40(root, points=8)


def yolo(root: Path) -> Yolo:
    return Yolo(write_images(root, count=2))


def read_labelled(source: Any) -> tuple[Reading | None, int]:
    data = source.open(None)
    return data.reading, sum(read_all(samples) for samples in (data.training, data.evaluation))


def read_masked(source: Any) -> tuple[Reading | None, int]:
    data = source.open(None)
    return data.reading, sum(read_all(samples) for samples in (data.training(), data.evaluation))


def read_clouds(source: Any) -> tuple[Reading | None, int]:
    data = source.open()
    return data.reading, sum(read_all(samples) for samples in (data.training(), data.evaluation))


def read_boxed(source: Any) -> tuple[Reading | None, int]:
    splits = source.open()
    opened = [
        open_images(places, 64, splits.names, lambda files: files, "some", splits.skip_broken)
        for places in (splits.calibration, splits.evaluation)
    ]
    return make_reading("yolo", splits, opened[0][1], opened[1][1]), sum(read_all(images) for images, _ in opened)


def read_all(samples: Any) -> int:
    return len([samples[index] for index in range(len(samples))])


@dataclass(frozen=True, slots=True)
class Reader:
    """How a data set is written and read whole, and one of its files, beside which others are put."""

    write: Callable[[Path], Any]
    read: Callable[[Any], tuple[Reading | None, int]]
    file: str


READERS = {
    "folder": Reader(folder, read_labelled, "test/bee/1.png"),
    "imagenet": Reader(imagenet, read_labelled, "val/bee/1.JPEG"),
    "masks": Reader(masks, read_masked, "test/images/1.jpg"),
    "masks of masks": Reader(masks, read_masked, "test/masks/1.png"),
    "coco": Reader(coco, read_masked, "val2017/1.jpg"),
    "clouds": Reader(clouds, read_clouds, "test/b/box.off"),
    "modelnet40": Reader(modelnet, read_clouds, "b/test/box.off"),
    "yolo": Reader(yolo, read_boxed, "images/val/001.jpg"),
    "yolo's labels": Reader(yolo, read_boxed, "labels/val/001.txt"),
    "cifar10-dvs": Reader(cifar10_dvs, read_labelled, "truck/cifar10_truck_1.aedat"),
    "ncaltech101": Reader(ncaltech101, read_labelled, "yin_yang/image_0001.bin"),
    "ncars": Reader(ncars, read_labelled, "n-cars_test/cars/obj_000001_td.dat"),
    "dvs-gesture": Reader(dvs_gesture, read_labelled, "ibmGestureTest/user01_led/10.npy"),
}


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


ODD: dict[str, Callable[[Path], Path]] = {
    "a hidden file": lambda good: put(good.with_name(f".{good.name}"), good.read_bytes()),
    "what macOS leaves": lambda good: put(good.with_name(f"._{good.name}"), b"\0\5\26\7"),
    "a folder's settings": lambda good: put(good.with_name(".DS_Store"), b"\0"),
    "a hidden folder": lambda good: put(good.parent / ".ipynb_checkpoints" / good.name, good.read_bytes()).parent,
    "a system's folder": lambda good: put(good.parent / "__MACOSX" / good.name, good.read_bytes()).parent,
    "an empty file": lambda good: put(good.with_stem("70"), b""),
    "a file cut short": lambda good: put(good.with_stem("70"), good.read_bytes()[: len(good.read_bytes()) * 2 // 3]),
    "a text": lambda good: put(good.with_name("notes.md"), b"# notes"),
    "a file without suffix": lambda good: put(good.with_name("README"), b"notes"),
    "capitals": lambda good: put(good.with_stem("70").with_suffix(good.suffix.swapcase()), good.read_bytes()),
    "a copy": lambda good: put(good.with_stem("70"), good.read_bytes()),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", READERS)
def test_an_odd_file_is_read_named_or_refused_and_never_passed_over_in_silence(
    name: str, odd: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = READERS[name]
    source = reader.write(tmp_path)
    known, count = reader.read(source)
    assert known is not None
    assert not merge_left_out(known.left_out) or not any(known.left_out.values())
    path = ODD[odd](tmp_path / reader.file)
    with caplog.at_level(logging.WARNING, "snnfw"):
        said, now = outcome(reader, source)
    if isinstance(said, SnnfwError):
        assert path.stem in str(said)
        return
    assert said is not None
    left_out = {one for names in said.left_out.values() for one in names}
    assert now == count + 1 or str(path) in left_out or path.name in caplog.text


def outcome(reader: Reader, source: Any) -> tuple[Reading | SnnfwError | None, int]:
    try:
        return reader.read(source)
    except SnnfwError as error:
        return error, 0


@pytest.mark.parametrize("name", [name for name, reader in READERS.items() if reader.file.split("/")[-2] in CLASSES])
def test_a_hidden_folder_is_no_class(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    source = reader.write(tmp_path)
    known, count = reader.read(source)
    good = tmp_path / reader.file
    hidden = put(good.parent.parent / ".ipynb_checkpoints" / good.name, good.read_bytes()).parent
    found, now = reader.read(source)
    assert known is not None
    assert found is not None
    assert now == count
    assert found.classes == known.classes
    assert found.left_out["hidden files and folders"] == [str(hidden)]


def example(**changes: Any) -> Reading:
    usual: dict[str, Any] = {
        "data": "mine",
        "place": Path("data"),
        "what": "images",
        "read": {"train": 8, "test": 2},
        "classes": 2,
        "left_out": {"hidden files": [f"data/{letter}/.x" for letter in "abcde"], "nothing": []},
        "notes": ("no image holds 'red'.",),
    }
    return Reading(**{**usual, **changes})


def test_a_reading_is_told_in_a_line_and_one_more_for_each_reason() -> None:
    assert example(left_out={}, notes=()).lines() == [
        "data 'mine': read images of 2 classes from 'data': 8 in train and 2 in test."
    ]
    lines: list[str] = []
    record = tell_reading(example(), lines.append)
    assert lines[1:] == [
        "  left out hidden files: 5 ('a/.x', 'b/.x', 'c/.x' and 2 more).",
        "  no image holds 'red'.",
    ]
    assert record == {
        "reading": {
            "place": "data",
            "read": {"train": 8, "test": 2},
            "left_out": {"hidden files": {"count": 5, "examples": ["a/.x", "b/.x", "c/.x"]}},
            "notes": ["no image holds 'red'."],
        }
    }
    assert tell_reading(None, lines.append) == {}
    assert summarise_names(["a"]) == "1 ('a')"


def test_what_two_parts_left_out_is_counted_once() -> None:
    assert merge_left_out({"a": ["x", "y"]}, {"a": ["y", "z"], "b": ["x"]}) == {"a": ["x", "y", "z"], "b": ["x"]}


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path) -> None:
    with pytest.raises(SnnfwError) as caught:
        list_files(tmp_path / "none", (".png",))
    assert str(caught.value) == f"folder '{tmp_path}/none' cannot be read: No such file or directory."


def test_files_beside_the_class_folders_are_named(tmp_path: Path) -> None:
    source = folder(tmp_path)
    Image.new("L", (4, 4)).save(tmp_path / "test" / "stray.png")
    found = source.open(None).reading
    assert found is not None
    assert found.left_out["files in no class's folder"] == [f"{tmp_path}/test/stray.png"]


@pytest.mark.parametrize("write", [folder, masks, clouds])
def test_a_split_that_another_is_preferred_to_is_named(write: Callable[[Path], Any], tmp_path: Path) -> None:
    source = write(tmp_path)
    (tmp_path / "val").mkdir()
    found = source.open().reading if write is clouds else source.open(None).reading
    assert found.left_out["splits that are not used"] == [f"{tmp_path}/val"]


def test_lists_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_bytes("\ufeffa\r\n\n b \r\n".encode())
    assert read_lines(tmp_path / "val.txt", "voc") == ["a", "b"]
    (tmp_path / "val.txt").write_bytes(b"\xff\xfea")
    with pytest.raises(SnnfwError) as caught:
        read_lines(tmp_path / "val.txt", "voc")
    assert str(caught.value) == f"'{tmp_path}/val.txt' of data 'voc' is no text in UTF-8: save it as such."


def test_what_is_beside_modelnets_splits_is_named(tmp_path: Path) -> None:
    source = modelnet(tmp_path)
    write_boxes(tmp_path, ("c", "a/more"))
    found = source.open().reading
    assert found is not None
    assert {reason: names for reason, names in found.left_out.items() if names} == {
        "files and folders without train": [f"{tmp_path}/c"],
        "what is neither in train nor in test": [f"{tmp_path}/a/more"],
    }


def test_labels_that_fit_no_image_and_images_without_labels_are_named(tmp_path: Path) -> None:
    source = yolo(tmp_path)
    (tmp_path / "labels/val/001.txt").rename(tmp_path / "labels/val/100.txt")
    (tmp_path / "labels/val/000.txt").write_text("0 0.5 0.5 0.2 0.2\n" * 2)
    found, _ = read_boxed(source)
    assert found is not None
    assert {reason: names for reason, names in found.left_out.items() if names} == {
        "labels of no image": [f"{tmp_path}/labels/val/100.txt"],
        "label files' rows that come again": [f"{tmp_path}/labels/val/000.txt"],
    }
    assert found.notes == ("images without a label file, which count as images of nothing: 1 ('images/val/001.jpg').",)


def test_a_list_of_images_is_read_once_and_in_order(tmp_path: Path) -> None:
    source = yolo(tmp_path)
    (tmp_path / "val.txt").write_text(
        "./images/val/001.jpg\n\n./images/val/000.jpg\n./images/val/001.jpg\n./notes.md\n"
    )
    source.file.write_text("{train: images/train, val: val.txt, names: [red, green]}")
    found, count = read_boxed(source)
    assert count == 4
    assert found is not None
    assert {reason: names for reason, names in found.left_out.items() if names} == {
        "files of another format": [f"{tmp_path}/notes.md"],
        "images listed twice": [f"{tmp_path}/images/val/001.jpg"],
    }


def flat_network() -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.ReLU(), nn.Linear(3, 2))


def cloud_network() -> nn.Module:
    return nn.Sequential(nn.Conv1d(3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())


def line_network() -> nn.Module:
    return nn.Sequential(nn.Conv1d(1, 2, 9), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())


def waves(root: Path) -> Waves:
    return Waves(write_waves(root))


def text_network() -> nn.Module:
    return nn.Sequential(nn.Embedding(9, 3), nn.Flatten(), nn.ReLU(), nn.Linear(3 * 256, 2))


def texts(root: Path) -> TextFolders:
    for split in ("train", "test"):
        for name in ("bad", "good"):
            (root / split / name).mkdir(parents=True)
            (root / split / name / "1.txt").write_text(f"It was {name}.")
    return TextFolders(root)


def digits(root: Path) -> Yolo:
    return Yolo(write_images(root, tuple("0123456789"), count=2), size=64)


TASKS: dict[str, tuple[Any, Any, Callable[[Path], Any], str]] = {
    "classification": (Classification(), GivenModel(flat_network()), folder, "images of 2 classes from '{}': 4 in train and 4 in test"),
    "segmentation": (Segmentation(), GivenModel(nn.Conv2d(3, 2, 1)), masks, "images of 2 classes from '{}': 2 in train and 2 in test"),
    "pointcloud": (PointCloud(), GivenModel(cloud_network()), clouds, "clouds of 2 classes from '{}': 2 in train and 2 in test"),
    "speech": (Speech(), GivenModel(line_network()), waves, "recordings of 2 classes from '{}': 4 in train and 4 in test"),
    "text": (TextTask(vocabulary=9), GivenModel(text_network()), texts, "texts of 2 classes from '{}': 2 in train and 2 in test"),
    "detection": (Detection(), ScenesYoloRelu(), digits, "images of 10 classes from '{}': 2 in train and 2 in val"),
}  # fmt: skip


@pytest.mark.parametrize("name", TASKS)
def test_every_task_tells_what_was_read_and_keeps_it(name: str, tmp_path: Path) -> None:
    task, model, write, what = TASKS[name]
    source = write(tmp_path)
    lines: list[str] = []
    bundle = task.load(model, source, Resources(tell=lines.append))
    assert lines[0] == f"data '{source.name}': read {what.format(tmp_path)}."
    assert bundle.description["reading"]["place"] == str(tmp_path)
