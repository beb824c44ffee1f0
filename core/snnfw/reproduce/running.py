"""Train and run the rows of a request one after the other, and write down ours beside the published numbers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from snnfw import pipeline
from snnfw.config.published import ExperimentRow
from snnfw.config.resolution import resolve
from snnfw.config.training import resolve_training
from snnfw.errors import SnnfwError
from snnfw.files import write_file
from snnfw.registry import Registry
from snnfw.report.folder import as_json, run_folder
from snnfw.reproduce.jobs import Job, make_jobs, require_effect
from snnfw.reproduce.lines import Line, as_csv, lines_of
from snnfw.reproduce.pictures import draw_reproduction
from snnfw.reproduce.request import Request, describe_difference, read_request
from snnfw.reproduce.tables import show_lines
from snnfw.train import train

REPORT = "reproduction"


def reproduce(name: str, words: Sequence[str], registry: Registry, console: Console | None = None) -> tuple[Line, ...]:
    """Run an experiment's rows, print and write ours beside the published numbers, and return the lines.

    A row of a table that cannot be run says why and does not stop the others; a single one, or all, is an error.
    """
    console = console or Console(quiet=True)
    request = read_request(name, words, registry)
    label = request.experiment.path.stem if Path(name).suffix else name.replace("/", "-")
    target = run_folder(request.out, "reproduce", label, datetime.now())
    planned = [(row, plan_row(request, row, registry)) for row in request.rows]  # refused before anything is computed
    require_effect(request, [job for _, jobs in planned if not isinstance(jobs, SnnfwError) for job in jobs])
    lines: list[Line] = []
    train_once = _Trainings(target, registry, console)
    try:
        for row, jobs in planned:
            try:
                if isinstance(jobs, SnnfwError):
                    raise jobs
                for job in jobs:
                    lines += run_job(job, target, registry, console, train_once)
            except SnnfwError as error:
                if len(planned) == 1:
                    raise
                table = row.published[0].table if row.published else ""
                lines.append(Line(row.label, table, row.metric, error=str(error)))
    except (SnnfwError, KeyboardInterrupt):
        if any(not line.error for line in lines):  # what was run before
            write_lines(request, lines, words, target)
        raise
    if all(line.error for line in lines):
        raise SnnfwError(f"no row of '{name}' can be run. {lines[0].row}: {lines[0].error}")
    write_lines(request, lines, words, target)
    show_lines(request, lines, console)
    console.print(f"results in {target}")
    return tuple(lines)


def plan_row(request: Request, row: ExperimentRow, registry: Registry) -> tuple[Job, ...] | SnnfwError:
    """Return a row's runs, each of which can be configured, or what is wrong with it."""
    try:
        jobs = make_jobs(request, row, registry)
        for job in jobs:
            resolve(job.words, registry)
    except SnnfwError as error:
        return error
    return jobs


def run_job(
    job: Job, target: Path, registry: Registry, console: Console, train_once: Callable[[tuple[str, ...]], Path]
) -> list[Line]:
    """Train where that is needed, run, and return the lines of one run."""
    words = list(job.words)
    if job.training is not None:
        words.append(f"checkpoint={train_once(job.training)}")
    config = replace(resolve(words, registry), out=target / job.name, words=tuple(words))
    folder = pipeline.run(config, registry, console)
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return lines_of(job.row, report, job.timesteps, folder.name)


class _Trainings:
    """The trainings of a reproduction, each once, in folders beside the runs."""

    def __init__(self, target: Path, registry: Registry, console: Console) -> None:
        self.target, self.registry, self.console = target, registry, console
        self.done: dict[str, Path] = {}

    def __call__(self, words: tuple[str, ...]) -> Path:
        """Return the folder of a training with these words."""
        config = resolve_training(words, self.registry)
        key = json.dumps(config.resolved, sort_keys=True, default=str)
        if key not in self.done:
            folder = self.target / f"training-{len(self.done) + 1}"
            said = {**config.resolved, "out": str(folder)}
            config = replace(config, run=replace(config.run, out=folder), resolved=said)
            self.done[key] = train(config, self.console)
        return self.done[key]


def write_lines(request: Request, lines: Sequence[Line], words: Sequence[str], target: Path) -> None:
    """Write the lines beside the runs, as JSON and as CSV."""
    told = {
        "experiment": request.experiment.name,
        "about": request.experiment.about,
        "command": f"snnfw reproduce {shlex.join([request.experiment.name, *words])}",
        "difference": describe_difference(request),
        "lines": [asdict(line) for line in lines],
    }
    write_file(target / f"{REPORT}.json", as_json(told))
    write_file(target / f"{REPORT}.csv", as_csv(lines))
    if picture := draw_reproduction(lines):
        write_file(target / f"{REPORT}.svg", picture)
