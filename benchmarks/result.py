"""A benchmark's result: a table in the terminal, the same table as Markdown, and every measured value as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.timing import Measured, Spread

Cell = str | Spread


@dataclass(frozen=True, slots=True)
class Section:
    """One table: what was measured under which conditions, its columns, its rows, and the values behind them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    measured: Measured


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found, on which machine, with which command."""

    name: str
    command: str
    machine: dict[str, str]
    sections: tuple[Section, ...] = ()


def show(section: Section, console: Console) -> None:
    """Print a table; a cell's spread stands under its median."""
    title = f"{section.title}\n{section.measured.conditions()}"
    table = Table(title=title, title_justify="left", show_lines=True)
    for index, column in enumerate(section.columns):
        table.add_column(column, justify="right" if index else "left")
    for row in section.rows:
        table.add_row(*(str(cell).replace(" (", "\n(") if isinstance(cell, Spread) else cell for cell in row))
    console.print(table)


def save(result: Result, folder: Path, stem: str) -> None:
    """Write STEM.json and STEM.md."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(result), indent=1, ensure_ascii=False)
    (folder / f"{stem}.json").write_text(text + "\n", encoding="utf-8")
    (folder / f"{stem}.md").write_text(markdown(result), encoding="utf-8")


def markdown(result: Result) -> str:
    """Return the tables and the machine as Markdown."""
    lines = [f"# {result.name}", "", f"    {result.command}", ""]
    for section in result.sections:
        lines += [f"## {section.title}", "", _line(section.columns), _line(["---"] * len(section.columns))]
        lines += [_line(row) for row in section.rows]
        lines += ["", f"{section.measured.conditions().capitalize()}.", ""]
    lines += ["## Machine", ""]
    lines += [f"- {name}: {value}" for name, value in result.machine.items()]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[Cell]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
