"""Data sets of any size stream: what opens one lists its files, and each is read when it is asked for, or named."""

from __future__ import annotations

import os
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from boxed_images import write_images
from recordings import cifar10_dvs, dvs_gesture, ncaltech101, ncars
from snnfw.errors import SnnfwError
from snnfw_tasks.detection.data.images import open_images
from snnfw_tasks.detection.data.yolo import Yolo
from snnfw_tasks.samples.batches import LoadedBatches
from snnfw_tasks.speech.data.speech_commands import SpeechCommands
from tasks.samples.test_reading import clouds, coco, folder, imagenet, masks, modelnet, texts, waves
from wave_files import write_commands

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 400
"""Files that are put beside the one in the middle of an evaluation split."""

MOST_BYTES = 2000
"""What a data set may keep in memory of a sample that nobody has asked for, the boxes in it included."""

IN_TRAINING = ("cifar10-dvs", "ncaltech101")
"""Sets without a published split, whose file may be for training."""

CUT_WHOLE = ("texts", "ncars", "yolo")
"""Formats in which half a file may be a whole one: text, events without an end, and rows of a JPEG that come grey."""


def commands(root: Path) -> SpeechCommands:
    return SpeechCommands(write_commands(root))


def yolo(root: Path) -> Yolo:
    return Yolo(write_images(root))


def open_labelled(source: Any) -> Any:
    return source.open(None).evaluation


def open_plain(source: Any) -> Any:
    return source.open().evaluation


def open_boxed(source: Any) -> Any:
    splits = source.open()
    return open_images(splits.evaluation, 64, splits.names, lambda files: files, "val", splits.skip_broken)[0]


@dataclass(frozen=True, slots=True)
class Streamed:
    """How a data set is written and its evaluation split opened; a file of it, and another one that comes with each."""

    write: Callable[[Path], Any]
    open: Callable[[Any], Any]
    file: str
    beside: str = ""


SETS = {
    "folder": Streamed(folder, open_labelled, "test/ant/1.png"),
    "imagenet": Streamed(imagenet, open_labelled, "val/ant/1.JPEG"),
    "masks": Streamed(masks, open_labelled, "test/images/1.jpg", "test/masks/1.png"),
    "coco": Streamed(coco, open_labelled, "val2017/1.jpg"),
    "yolo": Streamed(yolo, open_boxed, "images/val/001.jpg", "labels/val/001.txt"),
    "clouds": Streamed(clouds, open_plain, "test/a/box.off"),
    "modelnet40": Streamed(modelnet, open_plain, "a/test/box.off"),
    "cifar10-dvs": Streamed(cifar10_dvs, open_labelled, "cat/cifar10_cat_1.aedat"),
    "ncaltech101": Streamed(ncaltech101, open_labelled, "accordion/image_0001.bin"),
    "ncars": Streamed(ncars, open_labelled, "n-cars_test/background/obj_000001_td.dat"),
    "dvs-gesture": Streamed(dvs_gesture, open_labelled, "ibmGestureTest/user01_led/10.npy"),
    "waves": Streamed(waves, open_labelled, "test/a/1.wav"),
    "speech-commands": Streamed(commands, open_labelled, "no/00000002_nohash_0.wav"),
    "texts": Streamed(texts, open_plain, "test/bad/1.txt"),
}


def cut(file: Path) -> None:
    """Leave a part of a file: of an image its head, which tells nothing of what follows."""
    content = file.read_bytes()
    image = file.suffix.lower() in (".jpg", ".jpeg", ".png")
    # The end of a JPEG is looked at, which ultralytics would mend in the user's file.
    file.write_bytes(content[: len(content) // 2] + (content[-2:] if image else b"") if len(content) > 20 else b"\xff")


def make_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def evaluated(streamed: Streamed, root: Path) -> tuple[Any, Path]:
    """Return the evaluation split of a written data set, and one of its files."""
    source = streamed.write(root)
    samples = streamed.open(source)
    files = [file for file in root.rglob("*") if file.suffix == Path(streamed.file).suffix]
    assert root / streamed.file in files
    return samples, root / streamed.file


def refusals(samples: Any) -> list[str]:
    """Return what is said of the samples that cannot be read."""
    said = []
    for index in range(len(samples)):
        try:
            samples[index]
        except SnnfwError as error:
            said.append(str(error))
    return said


@pytest.mark.parametrize("damage", [Path.unlink, make_folder, cut], ids=["gone", "a folder", "cut"])
@pytest.mark.parametrize("name", SETS)
def test_a_file_that_cannot_be_read_is_named_where_it_is_read_and_the_others_are_read(
    name: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    samples, file = evaluated(SETS[name], tmp_path)
    damage(file)
    said = refusals(samples)
    assert len(said) <= 1
    assert all(str(file) in each for each in said)
    assert said or name in IN_TRAINING or (damage is cut and name in CUT_WHOLE)


@pytest.mark.parametrize("name", SETS)
def test_a_file_that_is_cut_is_no_reason_not_to_begin(name: str, tmp_path: Path) -> None:
    streamed = SETS[name]
    source = streamed.write(tmp_path)
    cut(tmp_path / streamed.file)
    assert len(refusals(streamed.open(source))) <= 1


@pytest.mark.parametrize("name", [name for name in SETS if name not in ("coco", "speech-commands", "dvs-gesture")])
def test_many_files_are_listed_in_little_memory(name: str, tmp_path: Path) -> None:
    streamed = SETS[name]
    source = streamed.write(tmp_path)
    few = len(streamed.open(source))
    for file in filter(None, (streamed.file, streamed.beside)):
        for number in range(MANY):
            os.link(tmp_path / file, (tmp_path / file).with_stem(f"more{number:04d}"))
    tracemalloc.start()
    try:
        samples = streamed.open(source)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    added = len(samples) - few
    assert added >= MANY / 10 - 1  # of some a tenth is for the test
    assert held / MANY < MOST_BYTES


def test_a_worker_that_is_killed_is_told_in_a_sentence() -> None:
    class Deadly:
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> int:
            if index == 2:
                os.kill(os.getpid(), 9)
            return index

    batches: Any = LoadedBatches(Deadly(), 1, 1, lambda items: (items, items), lambda items, _: items)
    with pytest.raises(SnnfwError) as caught:
        list(batches)
    assert str(caught.value) == (
        "one of the processes that read files (workers=1) was killed, as a system does that is out of memory: give "
        "fewer, or a smaller batch."
    )
