"""The user's own recordings: one folder per class in one folder per split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw import SnnfwError
from snnfw_tasks.samples.reading import (
    Reading,
    class_names,
    list_by_class,
    list_unknown,
    merge_left_out,
    split_folders,
    unused_splits,
)
from snnfw_tasks.speech.data.options import Recordings, make_data

if TYPE_CHECKING:
    from snnfw_tasks.samples.labelled import LabelledData, Preprocess
    from snnfw_tasks.samples.reading import LeftOut
    from snnfw_tasks.speech.data.options import Labelled

CALIBRATION, EVALUATION = ("calibration", "train"), ("test", "val")
"""Names of the splits' folders, the preferred one first."""


@dataclass(frozen=True, slots=True)
class Waves(Recordings):
    """Your own recordings as WAV files in one folder per class."""

    name: ClassVar[str] = "waves"

    root: Annotated[Path, Field(description="holds train/CLASS/*.wav, test/ or val/, and calibration/ if you like")]

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return the splits; calibration uses the training recordings where it has no folder of its own."""
        del preprocess  # that of images
        expected = "train/CLASS/*.wav, test/CLASS/*.wav (or val/) and, optionally, calibration/CLASS/*.wav"
        folders = split_folders(self.name, self.root, (("train",), CALIBRATION, EVALUATION), expected)
        classes = class_names(self.name, folders, expected)
        listed = {folder: list_split(self.name, folder, classes) for folder in dict.fromkeys(folders)}
        training, calibration, evaluation = (listed[folder][0] for folder in folders)
        reading = Reading(
            data=self.name,
            place=self.root,
            what="recordings",
            read={folder.name: len(files) for folder, (files, _) in listed.items()},
            classes=len(classes),
            left_out=merge_left_out(
                unused_splits(self.root, ("train", *CALIBRATION, *EVALUATION), folders),
                *(left_out for _, left_out in listed.values()),
            ),
        )
        return make_data(self, classes, (training, calibration, evaluation), reading)


def list_split(data: str, split: Path, classes: tuple[str, ...]) -> tuple[Labelled, LeftOut]:
    """Return a split's files in a fixed order, at least one of every class, and what else is there."""
    from snnfw_tasks.speech.data.waveforms import SUFFIXES

    files, left_out = list_by_class(split, classes, SUFFIXES)
    present = {number for _, number in files}
    for number, label in enumerate(classes):
        if number not in present:
            raise SnnfwError(
                f"data '{data}' has no recording of the class '{label}' in '{split}': every split needs every class."
            )
    return files, merge_left_out(list_unknown(split, classes), left_out)
