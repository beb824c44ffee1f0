"""ShapeNet-Part in both layouts in which it is published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import Annotated, ClassVar

from pydantic import Field

from snnfw import SnnfwError
from snnfw_tasks.pointcloud.data.shapes_parts import CATEGORIES, PARTS
from snnfw_tasks.pointcloud.sources import Clouds
from snnfw_tasks.samples.reading import Reading, read_lines

EXPECTED = "synsetoffset2category.txt, train_test_split/ and a folder for each of the sixteen categories"


@dataclass(frozen=True, slots=True)
class ShapeNetPart:
    """ShapeNet-Part (Yi et al. 2016), shapenetcore_partanno_segmentation_benchmark_v0 or v0_normal; no downloads."""

    name: ClassVar[str] = "shapenet-part"
    tasks: ClassVar[tuple[str, ...]] = ("pointcloud",)

    root: Annotated[
        Path, Field(description="holds synsetoffset2category.txt, train_test_split/ and 02691156/ ... 04379243/")
    ]
    points: Annotated[int, Field(ge=8, description="points of a cloud: a selection, or some of them repeated")] = 2048
    turn: Annotated[
        float, Field(ge=0, le=180, description="in training, turn objects by up to so many degrees about the vertical")
    ] = 0.0

    def open(self) -> Clouds:
        """Return the published training and validation clouds, the latter for calibration, and the test clouds."""
        from snnfw_tasks.pointcloud.data.shapenet_files import LabelledFiles

        folders = self._categories()
        listed = {split: self._files(split, folders) for split in ("train", "val", "test")}
        training, calibration, evaluation = (LabelledFiles(files, self.points) for files in listed.values())
        return Clouds(
            categories=CATEGORIES,
            parts={name: tuple(map(str, range(len(parts)))) for name, parts in PARTS.items()},
            points=self.points,
            training=lambda: training,
            calibration=calibration,
            evaluation=evaluation,
            up=1,
            turn=self.turn,
            reading=Reading(
                data=self.name,
                place=self.root,
                what="clouds",
                read={split: len(files) for split, files in listed.items()},
                classes=len(CATEGORIES),
            ),
        )

    def _categories(self) -> dict[str, int]:
        """Return the number of each category by its folder's name."""
        table = self.root / "synsetoffset2category.txt"
        if not table.is_file():
            raise SnnfwError(f"data '{self.name}' finds no file '{table}': expected under its root are {EXPECTED}.")
        folders = {}
        for line in read_lines(table, self.name):
            words = line.split()
            if len(words) != 2 or words[0].lower() not in PARTS:
                raise SnnfwError(f"'{table}' has the line '{line}': expected are lines such as 'Airplane 02691156'.")
            folders[words[1]] = CATEGORIES.index(words[0].lower())
        return folders

    def _files(self, split: str, folders: dict[str, int]) -> list[tuple[Path, int]]:
        """Return a split's files and their categories: TEXT files, or POINTS beside their labels."""
        listing = self.root / "train_test_split" / f"shuffled_{split}_file_list.json"
        try:
            entries = [str(entry).split("/")[-2:] for entry in json.loads(listing.read_text())]
        except (OSError, ValueError, TypeError) as error:
            raise SnnfwError(
                f"data '{self.name}' cannot read the list '{listing}': fetch the data set again."
            ) from error
        files = []
        for entry in entries:
            if len(entry) != 2 or entry[0] not in folders:
                raise SnnfwError(f"'{listing}' names '{'/'.join(entry)}', which is in no category's folder.")
            folder, name = entry
            apart = self.root / folder / "points" / f"{name}.pts"
            files.append((apart if apart.is_file() else self.root / folder / f"{name}.txt", folders[folder]))
        return files
