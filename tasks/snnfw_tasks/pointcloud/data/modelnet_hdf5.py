"""Read the HDF5 files of ModelNet40 that PointNet's authors publish."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw import SnnfwError
from snnfw_tasks.pointcloud.data.points import centre_and_scale, choose_indices, require_points
from snnfw_tasks.pointcloud.sources import Cloud
from snnfw_tasks.samples.reading import read_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class HdfClouds:
    """Clouds in memory, [N, 2048, 3] with categories [N], of which each cloud gives some points; and their files."""

    places: NDArray[Any]
    categories: NDArray[Any]
    files: Sequence[Path]
    points: int

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Cloud:
        import torch

        places = self.places[index].astype(np.float64)
        require_points(places, self.files[index])
        places = centre_and_scale(places[choose_indices(len(places), self.points, np.random.default_rng(index))])
        return Cloud(torch.as_tensor(places).float(), int(self.categories[index]), None)


def read_split(data: str, root: Path, split: str, points: int) -> HdfClouds:
    """Return a split, whose files the list SPLIT_files.txt names; only their names count, they lie beside it."""
    files = [root / Path(line).name for line in read_list(root / f"{split}_files.txt", data)]
    places, categories = zip(*(_read(data, file) for file in files), strict=True)
    origin = [file for file, some in zip(files, places, strict=True) for _ in some]
    return HdfClouds(np.concatenate(places), np.concatenate(categories), origin, points)


def read_list(file: Path, data: str) -> list[str]:
    """Return a list's lines that are not empty."""
    if not file.is_file():
        raise SnnfwError(f"data '{data}' finds no file '{file}': it comes with modelnet40_ply_hdf5_2048.")
    found = read_lines(file, data)
    if not found:
        raise SnnfwError(f"'{file}' of data '{data}' is empty: fetch the data set again.")
    return found


def _read(data: str, file: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a file's points [N, P, 3] and categories [N]."""
    try:
        import h5py
    except ImportError as error:
        raise SnnfwError(f"data '{data}' needs the package h5py to read '{file}': pip install h5py.") from error
    try:
        with h5py.File(file, "r") as content:
            places, categories = content["data"][()], content["label"][()].reshape(-1)
    except (OSError, KeyError) as error:
        raise SnnfwError(f"'{file}' cannot be read as HDF5 with data and label: fetch the data set again.") from error
    if places.ndim != 3 or places.shape[2] != 3 or len(places) != len(categories):
        raise SnnfwError(
            f"'{file}' has data of shape {list(places.shape)} and {len(categories)} labels: "
            "expected are [N, points, 3] and N."
        )
    if not (categories == categories.astype(np.int64)).all():
        raise SnnfwError(f"'{file}' has labels that are no whole numbers: fetch the data set again.")
    return places, categories
