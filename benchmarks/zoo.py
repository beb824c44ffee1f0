"""Try every architecture of torchvision and ultralytics, each in a process of its own, and keep what is finished."""

from __future__ import annotations

import importlib
import json
import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from rich.console import Console

from benchmarks import zoo_networks
from benchmarks.machine import describe
from benchmarks.zoo_delta import with_delta
from benchmarks.zoo_row import Row, measure
from benchmarks.zoo_table import page, summary
from snnfw.capture.export import capture
from snnfw.files import write_file
from snnfw_tasks.detection.library import require_ultralytics

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "reference" / "zoo.md"
LIMIT = 900
"""Seconds after which an architecture is given up."""

Ask = Callable[[str, Row | None], Row]
"""What measures an architecture by its name, or goes on with its row."""


def run(only: str, folder: Path, console: Console, ask: Ask) -> Mapping[str, Row]:
    """Measure what matches ``only`` and is not finished, write every row as it comes, and return all rows.

    A row that lacks delta coding alone gets that, and keeps the rest.

    ``only`` holds patterns, separated by commas, in whose order architectures are measured.
    The page of the documentation is written from the rows of the repository's own folder alone.
    """
    rows = load(folder)
    names = zoo_networks.names()
    chosen = list(dict.fromkeys(name for part in only.split(",") for name in names if fnmatchcase(name, part)))
    waiting = [name for name in chosen if name not in rows or not is_finished(rows[name])]
    console.print(f"{len(chosen)} of {len(names)} architectures match, {len(waiting)} of them are to be measured.")
    if waiting and ask is in_a_process:
        _import_once()
    for name in waiting:
        rows[name] = ask(name, rows.get(name))
        save({name: rows[name] for name in names if name in rows}, folder)
        console.print(summary(rows[name]))
    if folder == RESULTS:
        write_file(PAGE, page(PAGE.read_text(encoding="utf-8"), load(folder)))
    return rows


def is_finished(row: Row) -> bool:
    """Tell whether all of a row was measured."""
    return not (row.failure or row.delta_failure) and row.accumulated is not None


def load(folder: Path) -> dict[str, Row]:
    """Return the rows that earlier runs have left."""
    path = folder / "zoo.json"
    if not path.is_file():
        return {}
    return {row["name"]: Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))["rows"]}


def save(rows: Mapping[str, Row], folder: Path) -> None:
    """Write the rows, and what they were measured on."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "command": "python -m benchmarks zoo",
        "machine": describe("cpu"),
        "rows": list(map(asdict, rows.values())),
    }
    write_file(folder / "zoo.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def in_a_process(name: str, row: Row | None = None) -> Row:
    """Measure one architecture, or what its row still lacks, in a process that may fail or take too long.

    The process is forked, so that libraries are imported once for all of them.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, name, row))
    process.start()
    sender.close()
    try:
        if receiver.poll(LIMIT):
            measured: Row = receiver.recv()
            return measured
        return _given_up(name, row, f"not finished after {LIMIT} s")
    except EOFError:
        process.join()
        return _given_up(name, row, f"its process ended with {process.exitcode}")
    finally:
        process.kill()
        process.join()


def _answer(sender: Connection, name: str, row: Row | None) -> None:
    found = row if row and not row.failure else measure(name)
    sender.send(found if found.failure else with_delta(found))


def _given_up(name: str, row: Row | None, why: str) -> Row:
    """Return the row of an architecture whose process left no answer; what it has been measured for is kept."""
    if row and not row.failure:
        return replace(row, delta_failure=why)
    return Row(name, zoo_networks.side(name), failure=why)


def _import_once() -> None:
    """Import what is imported late: by capturing something, and by naming the libraries."""
    require_ultralytics()
    importlib.import_module("ultralytics.nn.tasks")
    importlib.import_module("spikingjelly.activation_based.ann2snn")
    capture(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()).eval(), (torch.zeros(2, 2),))
