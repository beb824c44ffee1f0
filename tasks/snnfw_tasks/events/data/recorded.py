"""Find recordings in folders, number their classes and split them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw import SnnfwError
from snnfw_tasks.events.data.augment import roll_and_flip
from snnfw_tasks.events.data.frames import Framing, RecordedSamples, require_tonic
from snnfw_tasks.samples.labelled import LabelledData
from snnfw_tasks.samples.reading import Reading, list_files, merge_left_out, require_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from snnfw_tasks.events.data.options import Recordings
    from snnfw_tasks.samples.reading import LeftOut, Listing

TESTED = 10
"""Where no split is published, one in so many recordings of a class is for the test."""

Labelled = tuple[Path, int]


@dataclass(frozen=True, slots=True)
class RecordedFiles:
    """The recordings below a folder with their classes, and what else is there."""

    classes: tuple[str, ...]
    files: Sequence[Labelled]
    left_out: LeftOut


def list_by_folder(folder: Path, suffix: str, classes: Sequence[str] | None, data: str, expected: str) -> RecordedFiles:
    """Return every file with its class, which is the name of the folder that it is in.

    Without ``classes`` they are the sorted names of these folders.
    """
    listing = find_files(folder, suffix, data, expected)
    files = [Path(file) for file in listing.files]
    names = tuple(classes or sorted({file.parent.name for file in files}))
    for file in files:
        if file.parent.name not in names:
            raise SnnfwError(
                f"recording '{file}' is of the class '{file.parent.name}', which data '{data}' does not have: "
                f"its classes are {', '.join(names)}."
            )
    return RecordedFiles(names, [(file, names.index(file.parent.name)) for file in files], listing.left_out)


def list_by_number(folder: Path, suffix: str, classes: tuple[str, ...], data: str, expected: str) -> RecordedFiles:
    """Return every file with its class, whose number is the file's name."""
    found = []
    listing = find_files(folder, suffix, data, expected)
    for file in map(Path, listing.files):
        if not file.stem.isdecimal() or int(file.stem) >= len(classes):
            raise SnnfwError(
                f"recording '{file}' of data '{data}' has the label {file.stem}, outside the {len(classes)} classes "
                f"(0 to {len(classes) - 1}): its name gives the class."
            )
        found.append((file, int(file.stem)))
    return RecordedFiles(classes, found, listing.left_out)


def find_files(folder: Path, suffix: str, data: str, expected: str) -> Listing:
    """Return all files with that suffix below the folder, in a fixed order."""
    require_folder(data, folder, expected)
    listing = list_files(folder, (suffix,))
    if not listing.files:
        raise SnnfwError(f"data '{data}' finds no {suffix} file below '{folder}': expected there are {expected}.")
    return listing


def split_files(files: Sequence[Labelled], tested_of: int = TESTED) -> tuple[list[Labelled], list[Labelled]]:
    """Return training and test files: of every class one in ``tested_of`` at random, the same ones always."""
    random = np.random.RandomState(0)
    training, tested = [], []
    for label in sorted({label for _, label in files}):
        members = [file for file in files if file[1] == label]
        mixed = [members[position] for position in random.permutation(len(members))]
        count = max(1, round(len(members) / tested_of))
        tested += mixed[:count]
        training += mixed[count:]
    return training, tested


def open_recordings(
    source: Recordings,
    parts: Sequence[RecordedFiles],
    read: Callable[[Path, str], NDArray[Any]],
    sensor: tuple[int, int],
    flip: bool,
    tested: int = TESTED,
) -> LabelledData:
    """Return training recordings, for calibration too, and test recordings, each with one or more of every class.

    ``parts`` are both, or all of them, of which one in ``tested`` is then for the test.
    """
    require_tonic("transforms")
    data, classes, framing = source.name, parts[0].classes, make_framing(source, sensor)
    files = [part.files for part in parts] if len(parts) > 1 else split_files(parts[0].files, tested)
    for name, some in zip(("training", "evaluation"), files, strict=True):
        held = Counter(label for _, label in some)
        for number, label in enumerate(classes):
            if not held[number]:
                raise SnnfwError(
                    f"data '{data}' has no {name} recording of the class '{label}': every split needs every class."
                )
    training, evaluation = (RecordedSamples(some, read, framing, data) for some in files)
    return LabelledData(
        classes=classes,
        shape=framing.shape(),
        training=training,
        calibration=training,
        evaluation=evaluation,
        augment=partial(roll_and_flip, by=5, flip=flip),
        frames=framing.frames if framing.moving else None,
        reading=Reading(
            data=data,
            place=source.root,
            what="recordings",
            read={"training": len(training), "test": len(evaluation)},
            classes=len(classes),
            left_out=merge_left_out(*(part.left_out for part in parts)),
        ),
    )


def make_framing(source: Recordings, sensor: tuple[int, int]) -> Framing:
    """Return the framing that a source's options ask for."""
    size = (source.size, source.size)
    return Framing(
        sensor,
        size,
        source.frames,
        source.slicing,
        source.clip,
        source.static,
        source.stacked,
        source.scaling == "nearest",
    )
