"""Find recordings in folders, number their classes and split them."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw.errors import SnnfwError
from snnfw_tasks.datasets.events_augment import rolled
from snnfw_tasks.datasets.events_frames import Framing, RecordedSamples, require_tonic
from snnfw_tasks.labelled import LabelledData

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

TESTED = 10
"""Where no split is published, one in so many recordings of a class is for the test."""

Labelled = tuple["Path", int]


def by_folder(
    folder: Path, suffix: str, classes: Sequence[str] | None, data: str, expected: str
) -> tuple[tuple[str, ...], list[Labelled]]:
    """Return the classes and every file with its class, which is the name of the folder that it is in.

    Without ``classes`` they are the sorted names of these folders.
    """
    files = find_files(folder, suffix, data, expected)
    names = tuple(classes or sorted({file.parent.name for file in files}))
    for file in files:
        if file.parent.name not in names:
            raise SnnfwError(
                f"recording '{file}' is of the class '{file.parent.name}', which data '{data}' does not have: "
                f"its classes are {', '.join(names)}."
            )
    return names, [(file, names.index(file.parent.name)) for file in files]


def by_number(folder: Path, suffix: str, classes: Sequence[str], data: str, expected: str) -> list[Labelled]:
    """Return every file with its class, whose number is the file's name."""
    found = []
    for file in find_files(folder, suffix, data, expected):
        if not file.stem.isdecimal() or int(file.stem) >= len(classes):
            raise SnnfwError(
                f"recording '{file}' of data '{data}' has the label {file.stem}, outside the {len(classes)} classes "
                f"(0 to {len(classes) - 1}): its name gives the class."
            )
        found.append((file, int(file.stem)))
    return found


def find_files(folder: Path, suffix: str, data: str, expected: str) -> list[Path]:
    """Return all files with that suffix below the folder, in a fixed order."""
    if not folder.is_dir():
        raise SnnfwError(f"data '{data}' finds no folder '{folder}': expected there are {expected}.")
    files = sorted(folder.rglob(f"*{suffix}"))
    if not files:
        raise SnnfwError(f"data '{data}' finds no {suffix} file below '{folder}': expected there are {expected}.")
    return files


def split(files: Sequence[Labelled]) -> tuple[list[Labelled], list[Labelled]]:
    """Return training and test files: of every class one in ``TESTED`` at random, the same ones always."""
    random = np.random.RandomState(0)
    training, tested = [], []
    for label in sorted({label for _, label in files}):
        members = [file for file in files if file[1] == label]
        mixed = [members[position] for position in random.permutation(len(members))]
        count = max(1, round(len(members) / TESTED))
        tested += mixed[:count]
        training += mixed[count:]
    return training, tested


def labelled(
    data: str,
    classes: tuple[str, ...],
    splits: tuple[Sequence[Labelled], Sequence[Labelled]],
    read: Callable[[Path, str], NDArray[Any]],
    framing: Framing,
    flip: bool,
) -> LabelledData:
    """Return training recordings, for calibration too, and test recordings, each with one or more of every class."""
    require_tonic("transforms")
    for name, files in zip(("training", "evaluation"), splits, strict=True):
        held = Counter(label for _, label in files)
        for number, label in enumerate(classes):
            if not held[number]:
                raise SnnfwError(
                    f"data '{data}' has no {name} recording of the class '{label}': every split needs every class."
                )
    training, evaluation = (RecordedSamples(files, read, framing, data) for files in splits)
    return LabelledData(
        classes=classes,
        shape=framing.shape(),
        training=training,
        calibration=training,
        evaluation=evaluation,
        augment=partial(rolled, by=5, flip=flip),
        frames=None if framing.static else framing.frames,
    )
