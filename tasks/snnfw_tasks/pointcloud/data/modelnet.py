"""ModelNet40 as meshes or as the points that PointNet's authors sampled on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw import SnnfwError
from snnfw_tasks.pointcloud.sources import Clouds
from snnfw_tasks.samples.reading import Reading, folders_in, list_unknown, merge_left_out, require_folder

if TYPE_CHECKING:
    from snnfw_tasks.pointcloud.sources import CloudSamples
    from snnfw_tasks.samples.reading import LeftOut

EXPECTED = "CATEGORY/train/*.off and CATEGORY/test/*.off, or train_files.txt, test_files.txt and shape_names.txt"


@dataclass(frozen=True, slots=True)
class ModelNet40:
    """ModelNet40 (Wu et al. 2015), as OFF meshes or in modelnet40_ply_hdf5_2048; nothing is downloaded."""

    name: ClassVar[str] = "modelnet40"
    tasks: ClassVar[tuple[str, ...]] = ("pointcloud",)

    root: Annotated[Path, Field(description="ModelNet40, with airplane/train/*.off ..., or modelnet40_ply_hdf5_2048")]
    points: Annotated[int, Field(ge=8, description="points of a cloud")] = 1024
    turn: Annotated[
        float, Field(ge=0, le=180, description="in training, turn objects by up to so many degrees about the vertical")
    ] = 180.0

    def open(self) -> Clouds:
        """Return the published training clouds, for calibration too, and the test clouds."""
        require_folder(self.name, self.root, EXPECTED)
        return self._hdf5() if (self.root / "train_files.txt").is_file() else self._meshes()

    def _meshes(self) -> Clouds:
        from snnfw_tasks.pointcloud.data.files import FileClouds, list_clouds

        folders = folders_in(self.root)
        categories = tuple(name for name in folders if (self.root / name / "train").is_dir())
        if len(categories) < 2:
            raise SnnfwError(f"data '{self.name}' finds no categories in '{self.root}': expected there are {EXPECTED}.")
        listed = {split: list_clouds(self.name, self.root, categories, split) for split in ("train", "test")}
        training, evaluation = (FileClouds(files, self.points) for files, _ in listed.values())
        left_out = merge_left_out(
            list_unknown(self.root, categories, "files and folders without train"),
            *(list_unknown(self.root / name, listed, "what is neither in train nor in test") for name in categories),
            *(part for _, part in listed.values()),
        )
        return self._clouds(categories, training, evaluation, up=2, left_out=left_out)

    def _hdf5(self) -> Clouds:
        from snnfw_tasks.pointcloud.data.modelnet_hdf5 import read_list, read_split

        training, evaluation = (read_split(self.name, self.root, split, self.points) for split in ("train", "test"))
        categories = tuple(read_list(self.root / "shape_names.txt", self.name))
        return self._clouds(categories, training, evaluation, up=1, left_out={})

    def _clouds(
        self,
        categories: tuple[str, ...],
        training: CloudSamples,
        evaluation: CloudSamples,
        up: int,
        left_out: LeftOut,
    ) -> Clouds:
        return Clouds(
            categories=categories,
            parts={},
            points=self.points,
            training=lambda: training,
            calibration=training,
            evaluation=evaluation,
            up=up,
            turn=self.turn,
            reading=Reading(
                data=self.name,
                place=self.root,
                what="clouds",
                read={"train": len(training), "test": len(evaluation)},
                classes=len(categories),
                left_out=left_out,
            ),
        )
