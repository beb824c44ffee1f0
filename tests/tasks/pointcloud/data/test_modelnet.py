from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from snnfw.errors import SnnfwError
from snnfw_tasks.pointcloud.data.modelnet import ModelNet40

if TYPE_CHECKING:
    from pathlib import Path

BOX = "OFF{gap}4 4 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 1 2\n3 0 1 3\n3 0 2 3\n3 1 2 3\n"
NAMES = ("airplane", "bathtub")


def write_meshes(root: Path) -> None:
    for name in NAMES:
        for split, gap in (("train", "\n"), ("test", "")):  # some of ModelNet's headers have no line break
            folder = root / name / split
            folder.mkdir(parents=True)
            (folder / f"{name}_0001.off").write_text(BOX.format(gap=gap))


def write_hdf5(root: Path, places: np.ndarray[Any, Any] | None = None) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for split in ("train", "test"):
        name = f"ply_data_{split}0.h5"
        (root / f"{split}_files.txt").write_text(f"data/modelnet40_ply_hdf5_2048/{name}\n")
        with h5py.File(root / name, "w") as file:
            file["data"] = np.random.default_rng(0).normal(size=(3, 2048, 3)) if places is None else places
            file["label"] = np.array([[1], [0], [1]], np.uint8)
    (root / "shape_names.txt").write_text("\n".join(NAMES) + "\n")


@pytest.mark.parametrize(("write", "up", "count"), [(write_meshes, 2, 2), (write_hdf5, 1, 3)])
def test_both_layouts_are_read(tmp_path: Path, write: Any, up: int, count: int) -> None:
    write(tmp_path)
    clouds = ModelNet40(tmp_path, points=50).open()
    assert clouds.categories == NAMES
    assert clouds.up == up
    assert not clouds.parts
    assert [len(clouds.training()), len(clouds.calibration), len(clouds.evaluation)] == [count] * 3
    cloud = clouds.evaluation[count - 1]
    assert cloud.category == 1
    assert cloud.parts is None
    assert cloud.points.shape == (50, 3)
    assert cloud.points.norm(dim=1).max().item() == pytest.approx(1)
    assert cloud.points.equal(clouds.evaluation[count - 1].points)


def no_root(root: Path) -> None:
    root.rmdir()


def no_list(root: Path) -> None:
    write_hdf5(root)
    (root / "shape_names.txt").unlink()


def damaged(root: Path) -> None:
    write_hdf5(root)
    (root / "ply_data_test0.h5").write_bytes(b"HDF")


def flat(root: Path) -> None:
    write_hdf5(root, np.zeros((3, 6)))


def half_labels(root: Path) -> None:
    write_hdf5(root)
    with h5py.File(root / "ply_data_test0.h5", "a") as file:
        del file["label"]
        file["label"] = np.array([[1.5], [0], [1]])


def one_category(root: Path) -> None:
    (root / "airplane" / "train").mkdir(parents=True)


EXPECTED = "CATEGORY/train/*.off and CATEGORY/test/*.off, or train_files.txt, test_files.txt and shape_names.txt"
ERRORS: dict[str, tuple[Any, str]] = {
    "no folder": (no_root, f"data 'modelnet40' finds no folder '{{root}}': expected there are {EXPECTED}."),
    "no categories": (one_category, f"data 'modelnet40' finds no categories in '{{root}}': expected there are {EXPECTED}."),
    "no names": (no_list, "data 'modelnet40' finds no file '{root}/shape_names.txt': it comes with modelnet40_ply_hdf5_2048."),
    "damaged": (damaged, "'{root}/ply_data_test0.h5' cannot be read as HDF5 with data and label: fetch the data set again."),
    "half labels": (half_labels, "'{root}/ply_data_test0.h5' has labels that are no whole numbers: fetch the data set again."),
    "no points": (flat, "'{root}/ply_data_train0.h5' has data of shape [3, 6] and 3 labels: expected are [N, points, 3] and N."),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_what_is_missing_is_named(tmp_path: Path, case: str) -> None:
    spoil, message = ERRORS[case]
    root = tmp_path / "modelnet"
    root.mkdir()
    spoil(root)
    with pytest.raises(SnnfwError) as raised:
        ModelNet40(root).open()
    assert str(raised.value) == message.format(root=root)


def test_nan_in_a_stored_cloud_names_its_file(tmp_path: Path) -> None:
    places = np.random.default_rng(0).normal(size=(3, 20, 3))
    places[1, 7, 0] = np.nan
    write_hdf5(tmp_path, places)
    with pytest.raises(SnnfwError) as raised:
        ModelNet40(tmp_path).open().evaluation[1]
    assert str(raised.value) == f"'{tmp_path}/ply_data_test0.h5' has NaN or infinity in point 7: repair or remove it."


def test_h5py_is_asked_for_where_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_hdf5(tmp_path)
    imported = builtins.__import__

    def fail(name: str, *args: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return imported(name, *args)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(SnnfwError) as raised:
        ModelNet40(tmp_path).open()
    file = tmp_path / "ply_data_train0.h5"
    assert str(raised.value) == f"data 'modelnet40' needs the package h5py to read '{file}': pip install h5py."
