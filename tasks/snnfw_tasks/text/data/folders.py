"""The user's own texts: one folder per class in one folder per split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import Annotated, ClassVar

from pydantic import Field

from snnfw import SnnfwError
from snnfw_tasks.samples.reading import (
    Reading,
    class_names,
    folders_in,
    list_unknown,
    merge_left_out,
    split_folders,
    unused_splits,
)
from snnfw_tasks.text.sources import Texts

EXPECTED = "train/CLASS/*.txt, test/CLASS/*.txt (or val/) and, optionally, calibration/CLASS/*.txt"
SPLITS = ("train", "calibration", "test", "val")
LENGTH = 256
"""Tokens of a text where nobody says: of a long review the beginning."""


@dataclass(frozen=True, slots=True)
class TextFolders:
    """Your own texts, a file each, in one folder per class: TXT in UTF-8."""

    name: ClassVar[str] = "texts"
    tasks: ClassVar[tuple[str, ...]] = ("text",)

    root: Annotated[Path, Field(description="holds train/CLASS/*.txt, test/ or val/, and calibration/ if you like")]

    def open(self) -> Texts:
        """Return the splits; calibration uses the training texts where it has no folder of its own."""
        wanted = (("train",), ("calibration", "train"), ("test", "val"))
        folders = split_folders(self.name, self.root, wanted, EXPECTED)
        return open_folders(self.name, self.root, folders, class_names(self.name, folders[:1], EXPECTED))


def open_folders(
    name: str, root: Path, folders: list[Path], classes: tuple[str, ...], unlabelled: tuple[str, ...] = ()
) -> Texts:
    """Return the texts of three splits, to train, to calibrate and to evaluate with, one folder each.

    Folders in ``unlabelled`` are of no class.
    """
    from snnfw_tasks.text.data.files import list_texts

    for folder in folders[1:]:
        if new := [found for found in folders_in(folder) if found not in (*classes, *unlabelled)]:
            raise SnnfwError(
                f"data '{name}' has a class '{new[0]}' in '{folder}' that training does not have: it has "
                f"{', '.join(classes)}. Move its texts, or train with it."
            )
    listed = {folder: list_texts(name, folder, classes) for folder in dict.fromkeys(folders)}
    training, calibration, evaluation = (listed[folder][0] for folder in folders)
    return Texts(
        classes=classes,
        length=LENGTH,
        training=lambda: training,
        calibration=calibration,
        evaluation=evaluation,
        reading=Reading(
            data=name,
            place=root,
            what="texts",
            read={folder.name: len(texts) for folder, (texts, _) in listed.items()},
            classes=len(classes),
            left_out=merge_left_out(
                unused_splits(root, SPLITS, folders),
                *(part for folder in listed for part in (list_unknown(folder, classes), listed[folder][1])),
            ),
        ),
    )
