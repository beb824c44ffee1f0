"""The user's own meshes and clouds: one folder per category in one folder per split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from snnfw_tasks.pointcloud.sources import Clouds
from snnfw_tasks.samples.reading import Reading, list_unknown, merge_left_out, split_folders, unused_splits

EXPECTED = "train/CATEGORY/*.ply, test/CATEGORY/*.ply (or val/) and, optionally, calibration/CATEGORY/*.ply"


@dataclass(frozen=True, slots=True)
class CloudFolders:
    """Your own meshes or clouds in one folder per category: PLY, OBJ, OFF, STL, PCD, XYZ or what else open3d reads."""

    name: ClassVar[str] = "clouds"
    tasks: ClassVar[tuple[str, ...]] = ("pointcloud",)

    root: Annotated[Path, Field(description="holds train/CATEGORY/*.ply, test/ or val/, and calibration/ if you like")]
    points: Annotated[int, Field(ge=8, description="points of a cloud: sampled, or some of them repeated")] = 1024
    up: Annotated[Literal["x", "y", "z"], Field(description="the axis that points upwards")] = "z"
    turn: Annotated[
        float, Field(ge=0, le=180, description="in training, turn objects about it by up to so many degrees")
    ] = 15.0

    def open(self) -> Clouds:
        """Return the splits; calibration uses the training clouds where it has no folder of its own."""
        from snnfw_tasks.pointcloud.data.files import FileClouds, list_clouds
        from snnfw_tasks.samples.reading import class_names

        splits = (("train",), ("calibration", "train"), ("test", "val"))
        folders = split_folders(self.name, self.root, splits, EXPECTED)
        categories = class_names(self.name, folders, EXPECTED)
        listed = {folder: list_clouds(self.name, folder, categories) for folder in dict.fromkeys(folders)}
        training, calibration, evaluation = (FileClouds(listed[folder][0], self.points) for folder in folders)
        return Clouds(
            categories=categories,
            parts={},
            points=self.points,
            training=lambda: training,
            calibration=calibration,
            evaluation=evaluation,
            up="xyz".index(self.up),
            turn=self.turn,
            reading=Reading(
                data=self.name,
                place=self.root,
                what="clouds",
                read={folder.name: len(files) for folder, (files, _) in listed.items()},
                classes=len(categories),
                left_out=merge_left_out(
                    unused_splits(self.root, ("train", "calibration", "test", "val"), folders),
                    *(part for folder in listed for part in (list_unknown(folder, categories), listed[folder][1])),
                ),
            ),
        )
