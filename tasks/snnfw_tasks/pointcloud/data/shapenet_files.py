"""Read ShapeNet-Part's clouds: points and parts in one text file, or in two."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw import SnnfwError
from snnfw_tasks.pointcloud.data.points import centre_and_scale, choose_indices, require_points
from snnfw_tasks.pointcloud.data.shapes import first_part
from snnfw_tasks.pointcloud.data.shapes_parts import CATEGORIES, PARTS
from snnfw_tasks.pointcloud.sources import Cloud

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from snnfw_tasks.pointcloud.data.points import Places


@dataclass(frozen=True, slots=True)
class LabelledFiles:
    """Clouds that are read when they are asked for, each file always with the same points."""

    files: Sequence[tuple[Path, int]]
    points: int

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Cloud:
        import torch

        file, category = self.files[index]
        places, parts = read_labelled(file, category)
        some = choose_indices(len(places), self.points, np.random.default_rng(index))
        return Cloud(torch.as_tensor(centre_and_scale(places[some])).float(), category, torch.as_tensor(parts[some]))


def read_labelled(file: Path, category: int) -> tuple[Places, NDArray[np.int64]]:
    """Return a file's points [P, 3] and their parts [P], numbered through all categories.

    A .txt file has a point per line: its place, a normal or none, and the part, numbered through. A .pts file has
    places, and points_label/NAME.seg the parts, numbered from 1 within the category.
    """
    table = read_table(file)
    first, own = first_part(category), len(PARTS[CATEGORIES[category]])
    if file.suffix == ".pts":
        labels = file.parent.parent / "points_label" / f"{file.stem}.seg"
        places, parts = table[:, :3], read_table(labels)[:, 0] + first - 1
    else:
        labels = file
        if table.shape[1] not in (4, 7):
            raise SnnfwError(
                f"'{file}' has {table.shape[1]} columns: expected are x y z, a normal or none, and the part."
            )
        places, parts = table[:, :3], table[:, -1]
    if len(places) != len(parts):
        raise SnnfwError(f"'{file}' has {len(places)} points and '{labels}' {len(parts)} labels: give one for each.")
    require_points(places, file)
    wrong = (parts != np.round(parts)) | (parts < first) | (parts >= first + own)
    if wrong.any():
        raise SnnfwError(
            f"'{labels}' has the part {parts[wrong.argmax()]:g} in line {wrong.argmax() + 1}: those of "
            f"'{CATEGORIES[category]}' are {first} to {first + own - 1}, counted through all categories."
        )
    return places, parts.astype(np.int64)


def read_table(file: Path) -> NDArray[Any]:
    """Return a text file's numbers, [lines, columns]."""
    if not file.is_file():
        raise SnnfwError(f"'{file}' does not exist: the data set is not complete.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy warns of an empty file
            table: NDArray[Any] = np.loadtxt(file, ndmin=2)
    except ValueError as error:
        raise SnnfwError(f"'{file}' is not a table of numbers: {str(error).rstrip('.')}.") from error
    if table.size == 0:
        raise SnnfwError(f"'{file}' holds no points: repair or remove it.")
    return table
