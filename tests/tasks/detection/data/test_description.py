from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boxed_images import write_images
from snnfw.errors import SnnfwError
from snnfw_tasks.detection.data.yolo import Yolo
from snnfw_tasks.samples.boxed import Splits


def splits(file: Path, **words: Any) -> Splits:
    return Yolo(file=file, **words).open()


def test_the_training_split_calibrates_and_another_is_scored(tmp_path: Path) -> None:
    file = write_images(tmp_path, test="images/val")
    found = splits(file, split="test", size=96, skip_broken=True)
    expected = Splits(
        ("red", "green"), (tmp_path / "images" / "train",), (tmp_path / "images" / "val",), "test", 96, True, tmp_path
    )
    assert replace(found, training=None) == expected
    assert found.training is not None
    assert found.training() == expected.calibration
    assert splits(file).evaluation_split == "val"


def test_paths_begin_beside_the_file_or_where_the_user_says(tmp_path: Path) -> None:
    write_images(tmp_path / "data")
    file = tmp_path / "mine.yaml"
    file.write_text("{path: data, train: images/train, val: [images/val], names: {0: red, 1: green}}")
    assert splits(file).evaluation == (tmp_path / "data" / "images" / "val",)
    file.write_text("{path: elsewhere, train: images/train, val: images/val, names: [red, green]}")
    assert splits(file, root=tmp_path / "data").evaluation == (tmp_path / "data" / "images" / "val",)


def test_paths_that_begin_one_folder_up_may_mean_this_one(tmp_path: Path) -> None:
    file = write_images(tmp_path)
    file.write_text("{train: ../images/train, val: ../images/val, names: [red, green]}")
    assert splits(file).evaluation == (tmp_path / "images" / "val",)


def test_scoring_what_calibrates_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = write_images(tmp_path)
    splits(file)
    assert not caplog.messages
    splits(file, split="train")
    assert caplog.messages == [
        f"snnfw: '{tmp_path / 'images' / 'train'}' is calibrated with and scored on: scores will be a little too good."
    ]


def test_classes_may_be_counted_instead_of_named(tmp_path: Path) -> None:
    file = write_images(tmp_path)
    file.write_text("{train: images/train, val: images/val, nc: 2}")
    assert splits(file).names == ("class_0", "class_1")


MISTAKES = {
    "train: [": "data.file='{file}' cannot be read as YAML: repair the file.",
    "just text": "data.file='{file}' describes no data: it needs train, val and names.",
    "{train: images/train, val: images/val}": (
        "data.file='{file}' names no classes: add names, a list or a mapping from numbers."
    ),
    "{train: images/train, val: images/val, names: {1: red, 2: green}}": (
        "data.file='{file}' numbers its classes [1, 2]: number them 0, 1, 2 and so on."
    ),
    "{train: images/train, val: images/val, names: {0: red, b: green}}": (
        "data.file='{file}' numbers its classes [0, 'b']: number them 0, 1, 2 and so on."
    ),
    "{train: images/train, val: images/val, names: [red], channels: 1}": (
        "data.file='{file}' says channels=1: only colour images, 3, are read."
    ),
    "{train: images/train, val: images/val, names: [red, green], nc: 3}": (
        "data.file='{file}' says nc=3 and names 2 classes: correct one."
    ),
    "{train: images/train, val: images/val, names: [yes, no]}": (
        "data.file='{file}' has a class name that YAML reads as True: put it in quotes."
    ),
    "{train: images/train, val: images/val, names: [red, 1.5]}": (
        "data.file='{file}' has the class name 1.5, which is no text: put it in quotes."
    ),
    "{train: images/train, names: [red]}": "data.file='{file}' has no split 'val': it has train.",
    "{path: nowhere, train: images/train, val: images/val, names: [red]}": (
        "data.file='{file}' says path=nowhere, which is no folder beside it or here: "
        "set data.root to where its paths begin."
    ),
    "{train: images/train, val: images/vall, names: [red]}": (
        "data.file='{file}' says val=images/vall, but '{root}/images/vall' does not exist: "
        "correct the file, or set data.root to where its paths begin."
    ),
}


@pytest.mark.parametrize(("text", "problem"), MISTAKES.items())
def test_what_is_wrong_with_a_description_is_said(tmp_path: Path, text: str, problem: str) -> None:
    file = write_images(tmp_path, count=1)
    file.write_text(text)
    with pytest.raises(SnnfwError) as raised:
        splits(file)
    assert str(raised.value) == problem.format(file=file, root=tmp_path)


def test_a_description_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "data.yaml"
    with pytest.raises(SnnfwError) as raised:
        splits(file)
    assert str(raised.value) == (
        f"data.file='{file}' does not exist: give the path of a data.yaml with train, val and names, "
        "or the name of one that comes with ultralytics, such as coco.yaml."
    )


def test_ultralytics_own_descriptions_go_by_name(tmp_path: Path) -> None:
    for split in ("train2017", "val2017"):
        (tmp_path / f"{split}.txt").write_text("")
    found = splits(Path("coco.yaml"), root=tmp_path)
    assert (len(found.names), found.names[0]) == (80, "person")
    assert found.evaluation == (tmp_path / "val2017.txt",)


def test_a_download_script_never_runs(tmp_path: Path) -> None:
    file = write_images(tmp_path, download=f"open({str(tmp_path / 'ran')!r}, 'w')", val="images/missing")
    with pytest.raises(SnnfwError):
        splits(file)
    assert not (tmp_path / "ran").exists()
