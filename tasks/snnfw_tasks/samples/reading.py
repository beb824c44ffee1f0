"""What a reader read, and what it left out and why: told in the terminal and kept in the report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from snnfw import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LeftOut: TypeAlias = Mapping[str, Sequence[str]]
"""What was not read, by reason."""

SYSTEM = frozenset({"__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information", "Thumbs.db"})
"""What systems leave in folders under names that do not begin with a dot."""

HIDDEN = "hidden files and folders"
OTHER = "files of another format"
UNCLASSED = "files in no class's folder"
BROKEN = "files that cannot be read"

UNUSED = "splits that are not used"

EXAMPLES = 3
"""So many are named of each reason; the others are counted."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a place, so many ``what`` of each split, and what was left out there.

    ``data`` names the data set; ``notes`` are sentences on what was read and may surprise.
    """

    data: str
    place: Path
    what: str
    read: Mapping[str, int]
    classes: int
    left_out: LeftOut = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines to tell: one, and one more for each reason and note."""
        parts = " and ".join(f"{count} in {split}" for split, count in self.read.items())
        left_out = (f"  left out {reason}: {summarise_names(names, self.place)}." for reason, names in self._reasons())
        return [
            f"data '{self.data}': read {self.what} of {self.classes} classes from '{self.place}': {parts}.",
            *left_out,
            *(f"  {note}" for note in self.notes),
        ]

    def record(self) -> dict[str, Any]:
        """Return the record for the report."""
        left_out = {
            reason: {"count": len(names), "examples": [relative_name(name, self.place) for name in names[:EXAMPLES]]}
            for reason, names in self._reasons()
        }
        return {
            "place": str(self.place),
            "read": dict(self.read),
            "left_out": left_out,
            "notes": list(self.notes),
        }

    def _reasons(self) -> Iterable[tuple[str, Sequence[str]]]:
        return ((reason, names) for reason, names in self.left_out.items() if names)


def tell_reading(reading: Reading | None, tell: Callable[[str], None]) -> dict[str, Any]:
    """Tell what was read, if it was from disk, and return it for a bundle's description."""
    if reading is None:
        return {}
    for line in reading.lines():
        tell(line)
    return {"reading": reading.record()}


def summarise_names(names: Sequence[str], place: Path | None = None) -> str:
    """Return how many there are and the first few, as seen from a place: 5 ('a', 'b', 'c' and 2 more)."""
    first = ", ".join(f"'{relative_name(name, place)}'" for name in names[:EXAMPLES])
    more = f" and {len(names) - EXAMPLES} more" if len(names) > EXAMPLES else ""
    return f"{len(names)} ({first}{more})"


def relative_name(name: str, place: Path | None) -> str:
    """Return a path as seen from a place that it lies in, anything else as it is."""
    return name.removeprefix(f"{place}{os.sep}")


def merge_left_out(*parts: LeftOut) -> LeftOut:
    """Return all that several parts of a data set left out, each thing once."""
    merged: dict[str, dict[str, None]] = {}
    for part in parts:
        for reason, names in part.items():
            merged.setdefault(reason, {}).update(dict.fromkeys(names))
    return {reason: list(names) for reason, names in merged.items()}


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder of this name is a system's or an editor's own."""
    return name.startswith(".") or name in SYSTEM


def folders_in(place: Path) -> list[str]:
    """Return the names of the folders in a place that are not hidden, sorted."""
    return sorted(entry.name for entry in place.iterdir() if entry.is_dir() and not is_hidden(entry.name))


def require_folder(data: str, folder: Path, expected: str) -> None:
    """Raise an SnnfwError unless the folder of a data set is there; ``expected`` says what it holds."""
    if not folder.is_dir():
        raise SnnfwError(f"data '{data}' finds no folder '{folder}': expected there are {expected}.")


def split_folders(data: str, root: Path, splits: Iterable[Sequence[str]], expected: str) -> list[Path]:
    """Return for each split the first of its folders that is there, the preferred name first."""
    require_folder(data, root, expected)
    return [_first_folder(data, root, names, expected) for names in splits]


def _first_folder(data: str, root: Path, names: Sequence[str], expected: str) -> Path:
    for name in names:
        if (root / name).is_dir():
            return root / name
    missing = " or ".join(f"'{root / name}'" for name in names)
    raise SnnfwError(f"data '{data}' finds no folder {missing}: expected under '{root}' are {expected}.")


def class_names(name: str, splits: list[Path], expected: str) -> tuple[str, ...]:
    """Return the sorted names of all class folders, none hidden, which number the labels alike in every split."""
    found: set[str] = set()
    for split in splits:
        here = set(folders_in(split))
        if not here:
            raise SnnfwError(f"data '{name}' is empty: '{split}' holds no class folders, expected are {expected}.")
        found |= here
    if len(found) < 2:
        raise SnnfwError(f"data '{name}' has only the class '{found.pop()}': a classifier needs two or more.")
    return tuple(sorted(found))


def list_unknown(place: Path, known: Iterable[str], reason: str = UNCLASSED) -> LeftOut:
    """Return the names in a place beside the folders and files that are known."""
    others = sorted({entry.name for entry in place.iterdir()} - set(known))
    apart: dict[str, list[str]] = {HIDDEN: [], reason: []}
    for name in others:
        apart[HIDDEN if is_hidden(name) else reason].append(str(place / name))
    return apart


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a format below a folder in a fixed order, and what else is there."""

    files: tuple[str, ...]
    left_out: LeftOut


def list_files(folder: Path, suffixes: Sequence[str]) -> Listing:
    """Return the files below a folder that end in one of the suffixes, in capitals or not; none that is hidden."""
    wanted = tuple(suffix.lower() for suffix in suffixes)
    files: list[str] = []
    left_out: dict[str, list[str]] = {HIDDEN: [], OTHER: []}
    for here, folders, names in os.walk(folder, onerror=_reading_error, followlinks=True):
        left_out[HIDDEN] += [os.path.join(here, name) for name in sorted([*folders, *names]) if is_hidden(name)]
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(names):
            if not is_hidden(name):
                path = os.path.join(here, name)
                (files if name.lower().endswith(wanted) else left_out[OTHER]).append(path)
    return Listing(tuple(files), left_out)


def list_by_class(
    place: Path, classes: Sequence[str], suffixes: Sequence[str], inside: str = ""
) -> tuple[list[tuple[str, int]], LeftOut]:
    """Return the files in each class's folder, or in the folder ``inside`` it, with the class's number."""
    found: list[tuple[str, int]] = []
    left_out = []
    for number, name in enumerate(classes):
        folder = place / name / inside
        if folder.is_dir():
            listing = list_files(folder, suffixes)
            found += [(file, number) for file in listing.files]
            left_out.append(listing.left_out)
    return found, merge_left_out(*left_out)


def unused_splits(place: Path, splits: Iterable[str], used: Iterable[Path]) -> LeftOut:
    """Return the folders of splits that another one is preferred to."""
    there = (place / name for name in dict.fromkeys(splits))
    return {UNUSED: [str(folder) for folder in there if folder.is_dir() and folder not in set(used)]}


def read_lines(file: Path, data: str) -> list[str]:
    """Return a text file's lines that are not empty, without the space around them."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SnnfwError(f"'{file}' of data '{data}' is no text in UTF-8: save it as such.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _reading_error(error: OSError) -> None:
    raise SnnfwError(f"folder '{error.filename}' cannot be read: {error.strerror}.") from error
