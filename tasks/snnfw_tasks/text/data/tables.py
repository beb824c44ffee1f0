"""The user's own texts in CSV files: a row for each, in columns that have names."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import Annotated, Any, ClassVar

from pydantic import Field

from snnfw import SnnfwError
from snnfw_tasks.samples.reading import Reading, relative_name
from snnfw_tasks.text.data.files import read_text
from snnfw_tasks.text.data.folders import LENGTH
from snnfw_tasks.text.sources import Text, Texts


@dataclass(frozen=True, slots=True)
class TextTables:
    """Your own texts in CSV files in UTF-8, whose first line names the columns."""

    name: ClassVar[str] = "csv"
    tasks: ClassVar[tuple[str, ...]] = ("text",)

    train: Annotated[Path, Field(description="the file to train with")]
    test: Annotated[Path, Field(description="the file to test with")]
    calibration: Annotated[
        Path | None, Field(description="the file to calibrate with; without it the training file")
    ] = None
    text: Annotated[str, Field(description="the column that holds the text")] = "text"
    label: Annotated[str, Field(description="the column that holds the class, by name or number")] = "label"
    separator: Annotated[str, Field(min_length=1, max_length=1, description="what stands between columns")] = ","

    def open(self) -> Texts:
        """Return the splits; classes are what the training file's labels say, sorted."""
        if self.text == self.label:
            raise SnnfwError(f"data.text and data.label both name the column '{self.text}': name a column for each.")
        rows = {
            file: self._rows(file) for file in dict.fromkeys((self.train, self.calibration or self.train, self.test))
        }
        classes = tuple(sorted({label for _, label, _ in rows[self.train] if label}))
        if len(classes) < 2:
            only = f"only the class '{classes[0]}'" if classes else "no row"
            raise SnnfwError(
                f"'{self.train}' of data '{self.name}' has {only}: a classifier needs two classes or more."
            )
        numbers = {name: number for number, name in enumerate(classes)}
        texts = {file: [self._text(row, file, numbers) for row in read] for file, read in rows.items()}
        return Texts(
            classes=classes,
            length=LENGTH,
            training=lambda: texts[self.train],
            calibration=texts[self.calibration or self.train],
            evaluation=texts[self.test],
            reading=Reading(
                data=self.name,
                place=self.train.parent,
                what="texts",
                read={relative_name(str(file), self.train.parent): len(read) for file, read in texts.items()},
                classes=len(classes),
            ),
        )

    def _rows(self, file: Path) -> list[tuple[str, str, int]]:
        """Return each row's text, label and line."""
        if not file.is_file():
            raise SnnfwError(f"data '{self.name}' finds no file '{file}': check the path.")
        written = read_text(file, self.name)
        csv.field_size_limit(max(csv.field_size_limit(), len(written)))  # which is a bound for the process, 131072
        reader = csv.DictReader(io.StringIO(written, newline=""), delimiter=self.separator, strict=True)
        try:
            for option, column in (("text", self.text), ("label", self.label)):
                if column not in (reader.fieldnames or ()):
                    there = ", ".join(f"'{name}'" for name in reader.fieldnames or ()) or "none"
                    raise SnnfwError(
                        f"'{file}' of data '{self.name}' has no column '{column}': it has {there}. "
                        f"Say data.{option}=COLUMN, and data.separator where it is no comma."
                    )
            return [self._cells(row, file, reader.line_num) for row in reader]
        except csv.Error as error:
            raise SnnfwError(
                f"'{file}' of data '{self.name}' is no CSV behind line {reader.line_num} ({error}): write it with a "
                "CSV library, with quotes around text that holds the separator."
            ) from error

    def _cells(self, row: dict[Any, Any], file: Path, line: int) -> tuple[str, str, int]:
        """Return a row's text, label and line, refusing one in which a separator has cut the text in two."""
        if None in row:  # what is behind the last column that has a name
            raise SnnfwError(
                f"'{file}' of data '{self.name}' has more columns in line {line} than its first line names: put quotes "
                f"around text that holds '{self.separator}'."
            )
        return row[self.text] or "", (row[self.label] or "").strip(), line

    def _text(self, row: tuple[str, str, int], file: Path, numbers: dict[str, int]) -> Text:
        text, label, line = row
        if not label:
            raise SnnfwError(
                f"'{file}' of data '{self.name}' has no label in line {line}, column '{self.label}': give it one."
            )
        if label not in numbers:
            raise SnnfwError(
                f"'{file}' of data '{self.name}' has the label '{label}' in line {line}, which training does not have: "
                f"it has {', '.join(numbers)}. Correct it, or train with it."
            )
        return Text(text, numbers[label], f"line {line} of '{file}'")
