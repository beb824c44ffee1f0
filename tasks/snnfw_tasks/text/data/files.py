"""Read texts from files, one in each, in UTF-8."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from snnfw import SnnfwError
from snnfw_tasks.samples.reading import list_by_class
from snnfw_tasks.text.sources import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snnfw_tasks.samples.reading import LeftOut

SUFFIX = (".txt",)


@dataclass(frozen=True, slots=True)
class FileTexts:
    """Texts in files, each read when it is asked for, with the numbers of their classes."""

    data: str
    files: Sequence[tuple[str, int]]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Text:
        file, label = self.files[index]
        return Text(read_text(Path(file), self.data), label, f"'{file}'")


def read_text(file: Path, data: str) -> str:
    """Return a file's text, refusing what is not in UTF-8 and what cannot be read."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte 0x{error.object[error.start]:02x} at place {error.start}"
        raise SnnfwError(f"'{file}' of data '{data}' is no text in UTF-8 ({found}): save it as such.") from error
    except OSError as error:
        raise SnnfwError(f"'{file}' of data '{data}' cannot be read: {error.strerror}.") from error


def list_texts(data: str, folder: Path, classes: Sequence[str]) -> tuple[FileTexts, LeftOut]:
    """Return the texts in each class's folder, and what else is there."""
    found, left_out = list_by_class(folder, classes, SUFFIX)
    return FileTexts(data, found), left_out
