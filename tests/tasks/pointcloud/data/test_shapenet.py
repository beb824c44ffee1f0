from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from snnfw.errors import SnnfwError
from snnfw_tasks.pointcloud.data.shapenet import ShapeNetPart
from snnfw_tasks.pointcloud.data.shapes_parts import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDERS = {"Airplane": "02691156", "Mug": "03797390"}
PLACES = np.random.default_rng(0).normal(size=(30, 3))


@pytest.fixture(params=["apart", "together"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Write two categories in either layout: the points of a mug's first file are of parts 36 and 37."""
    root = tmp_path / "benchmark"
    (root / "train_test_split").mkdir(parents=True)
    (root / "synsetoffset2category.txt").write_text("".join(f"{name}\t{folder}\n" for name, folder in FOLDERS.items()))
    labels = {"Airplane": np.arange(30) % 4, "Mug": np.arange(30) % 2}
    for name, folder in FOLDERS.items():
        for split in ("train", "val", "test"):
            if request.param == "apart":
                _write(root / folder / "points" / f"{split}.pts", PLACES)
                _write(root / folder / "points_label" / f"{split}.seg", labels[name][:, None] + 1)
            else:
                first = {"Airplane": 0, "Mug": 36}[name]
                _write(root / folder / f"{split}.txt", np.column_stack([PLACES, PLACES, labels[name] + first]))
    for split in ("train", "val", "test"):
        entries = [f"shape_data/{folder}/{split}" for folder in FOLDERS.values()]
        (root / "train_test_split" / f"shuffled_{split}_file_list.json").write_text(json.dumps(entries))
    return root


def _write(path: Path, table: np.ndarray[Any, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, table)


def test_both_layouts_are_read_alike(root: Path) -> None:
    clouds = ShapeNetPart(root, points=64).open()
    assert clouds.categories == CATEGORIES
    assert len(clouds.belongs()) == 50
    assert [len(clouds.training()), len(clouds.calibration), len(clouds.evaluation)] == [2, 2, 2]
    assert clouds.reading is not None
    assert clouds.reading.read == {"train": 2, "val": 2, "test": 2}
    airplane, mug = clouds.evaluation[0], clouds.evaluation[1]
    assert (airplane.category, mug.category) == (0, 11)
    assert mug.points.shape == (64, 3)
    assert mug.parts is not None
    assert airplane.parts is not None
    assert set(airplane.parts.tolist()) == {0, 1, 2, 3}
    assert set(mug.parts.tolist()) == {36, 37}
    assert mug.parts[:30].tolist() == [36 + number % 2 for number in range(30)]
    centred = PLACES - PLACES.mean(0)
    assert (mug.points[0] / mug.points[1]).numpy() == pytest.approx(
        (mug.points[0].double() / mug.points[1].double()).numpy()
    )
    assert len(np.unique(mug.points.numpy(), axis=0)) == len(centred)


def apart(root: Path) -> bool:
    return (root / "03797390" / "points").is_dir()


def cut_labels(root: Path) -> None:
    file = root / "03797390" / ("points_label/test.seg" if apart(root) else "test.txt")
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:20]) if apart(root) else "1 2 3 4 5\n")


def other_part(root: Path) -> None:
    if apart(root):
        _write(root / "03797390" / "points_label" / "test.seg", np.full((30, 1), 3.0))
    else:
        _write(root / "03797390" / "test.txt", np.column_stack([PLACES, np.full(30, 38.0)]))


def no_numbers(root: Path) -> None:
    (root / "03797390" / ("points/test.pts" if apart(root) else "test.txt")).write_text("1 2 three\n")


def empty(root: Path) -> None:
    (root / "03797390" / ("points/test.pts" if apart(root) else "test.txt")).write_text("")


def not_finite(root: Path) -> None:
    places = PLACES.copy()
    places[4, 1] = np.nan
    if apart(root):
        _write(root / "03797390" / "points" / "test.pts", places)
    else:
        _write(root / "03797390" / "test.txt", np.column_stack([places, np.full(30, 36.0)]))


def remove(root: Path) -> None:
    (root / "03797390" / ("points/test.pts" if apart(root) else "test.txt")).unlink()


ERRORS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "labels that do not match": (
        cut_labels,
        "'{mug}/points/test.pts' has 30 points and '{mug}/points_label/test.seg' 20 labels: give one for each.",
        "'{mug}/test.txt' has 5 columns: expected are x y z, a normal or none, and the part.",
    ),
    "a part of another category": (
        other_part,
        "'{mug}/points_label/test.seg' has the part 38 in line 1: those of 'mug' are 36 to 37, counted through all categories.",
        "'{mug}/test.txt' has the part 38 in line 1: those of 'mug' are 36 to 37, counted through all categories.",
    ),
    "no numbers": (
        no_numbers,
        "'{mug}/points/test.pts' is not a table of numbers: could not convert string 'three' to float64 at row 0, column 3.",
        "'{mug}/test.txt' is not a table of numbers: could not convert string 'three' to float64 at row 0, column 3.",
    ),
    "an empty cloud": (
        empty,
        "'{mug}/points/test.pts' holds no points: repair or remove it.",
        "'{mug}/test.txt' holds no points: repair or remove it.",
    ),
    "NaN": (
        not_finite,
        "'{mug}/points/test.pts' has NaN or infinity in point 4: repair or remove it.",
        "'{mug}/test.txt' has NaN or infinity in point 4: repair or remove it.",
    ),
    "a missing file": (
        remove,
        "'{mug}/test.txt' does not exist: the data set is not complete.",
        "'{mug}/test.txt' does not exist: the data set is not complete.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_file_that_is_not_as_published_is_named(root: Path, case: str) -> None:
    spoil, *messages = ERRORS[case]
    message = messages[0 if apart(root) else 1]
    spoil(root)
    with pytest.raises(SnnfwError) as raised:
        ShapeNetPart(root).open().evaluation[1]
    assert str(raised.value) == message.format(mug=root / "03797390")


def test_lists_that_are_missing_or_strange_are_named(root: Path) -> None:
    listing = root / "train_test_split" / "shuffled_val_file_list.json"
    listing.write_text('["shape_data/0/a"]')
    with pytest.raises(SnnfwError) as raised:
        ShapeNetPart(root).open()
    assert str(raised.value) == f"'{listing}' names '0/a', which is in no category's folder."
    listing.write_text("[")
    with pytest.raises(SnnfwError) as raised:
        ShapeNetPart(root).open()
    assert str(raised.value) == f"data 'shapenet-part' cannot read the list '{listing}': fetch the data set again."
    table = root / "synsetoffset2category.txt"
    table.write_text("Spoon 1\n")
    with pytest.raises(SnnfwError) as raised:
        ShapeNetPart(root).open()
    assert str(raised.value) == f"'{table}' has the line 'Spoon 1': expected are lines such as 'Airplane 02691156'."
    table.unlink()
    with pytest.raises(SnnfwError) as raised:
        ShapeNetPart(root).open()
    assert str(raised.value) == (
        f"data 'shapenet-part' finds no file '{table}': expected under its root are synsetoffset2category.txt, "
        "train_test_split/ and a folder for each of the sixteen categories."
    )
