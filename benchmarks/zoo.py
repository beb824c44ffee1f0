"""Try every architecture of torchvision and ultralytics, each in a process of its own, and keep what is finished."""

from __future__ import annotations

import importlib
import json
import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import asdict
from fnmatch import fnmatchcase
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from rich.console import Console

from benchmarks import zoo_networks
from benchmarks.machine import describe
from benchmarks.zoo_row import Row, measure
from benchmarks.zoo_table import page, summary
from snnfw.capture.export import capture
from snnfw.files import write_file
from snnfw_tasks.detection.library import require_ultralytics

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "reference" / "zoo.md"
LIMIT = 900
"""Seconds after which an architecture is given up."""

Ask = Callable[[str], Row]


def run(only: str, folder: Path, console: Console, ask: Ask) -> Mapping[str, Row]:
    """Measure what matches ``only`` and is not finished, write every row as it comes, and return all rows.

    ``only`` holds patterns, separated by commas, in whose order architectures are measured.
    The page of the documentation is written from the rows of the repository's own folder alone.
    """
    rows = load(folder)
    names = zoo_networks.names()
    chosen = list(dict.fromkeys(name for part in only.split(",") for name in names if fnmatchcase(name, part)))
    waiting = [name for name in chosen if name not in rows or rows[name].failure]
    console.print(f"{len(chosen)} of {len(names)} architectures match, {len(waiting)} of them are to be measured.")
    if waiting and ask is in_a_process:
        _import_once()
    for name in waiting:
        rows[name] = ask(name)
        save({name: rows[name] for name in names if name in rows}, folder)
        console.print(summary(rows[name]))
    if folder == RESULTS:
        write_file(PAGE, page(PAGE.read_text(encoding="utf-8"), load(folder)))
    return rows


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


def in_a_process(name: str) -> Row:
    """Measure one architecture in a process that may crash, run out of memory or take too long.

    It is forked, so that libraries are imported once for all of them.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, name))
    process.start()
    sender.close()
    try:
        if receiver.poll(LIMIT):
            row: Row = receiver.recv()
            return row
        return Row(name, zoo_networks.side(name), failure=f"not finished after {LIMIT} s")
    except EOFError:
        process.join()
        return Row(name, zoo_networks.side(name), failure=f"its process ended with {process.exitcode}")
    finally:
        process.kill()
        process.join()


def _answer(sender: Connection, name: str) -> None:
    sender.send(measure(name))


def _import_once() -> None:
    """Import what is imported late: by capturing something, and by naming the libraries."""
    require_ultralytics()
    importlib.import_module("ultralytics.nn.tasks")
    importlib.import_module("spikingjelly.activation_based.ann2snn")
    capture(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()).eval(), (torch.zeros(2, 2),))
