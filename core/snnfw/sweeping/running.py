"""Run a sweep: check every job, hand out what is missing, and tell what came of all."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from snnfw.config.schema import RunConfig
from snnfw.config.sweep import SweepConfig, SweepJob
from snnfw.config.trust import confirming_words, tracker_words
from snnfw.durations import describe_duration
from snnfw.errors import SnnfwError
from snnfw.failures import failure_text
from snnfw.launching.beginning import require_launcher
from snnfw.launching.launcher import Lost
from snnfw.launching.outcomes import Raised
from snnfw.launching.running import launch
from snnfw.sweeping.checking import require_plans
from snnfw.sweeping.folder import FILE, JOBS, choose_folder, describe_sweep, hold, leave_nothing, require_own
from snnfw.sweeping.jobs import Job, run_job
from snnfw.sweeping.results import write_results
from snnfw.sweeping.status import Status, read_status, require_ended, write_status


def sweep(config: SweepConfig, console: Console) -> bool:
    """Run what a sweep's folder does not have yet, tell all of it, and return whether every job ended well.

    Raises:
        SnnfwError: a combination cannot be run, the folder is another sweep's or in use, or nothing can be launched.

    """
    folder = choose_folder(config, datetime.now()).absolute()
    require_launcher(config.launcher)
    made = not folder.exists()
    with hold(folder):
        require_own(folder, config)  # another call may have been there, and ended, since it was chosen
        begun = (folder / FILE).is_file()
        missing = [job for job in config.jobs if read_status(folder / JOBS / job.name).state != "done"]
        for job in missing:
            require_ended(job.name, folder / JOBS / job.name)
        try:
            require_plans(config, missing)
            _tell_start(config, missing, folder, console)
            run_missing(config, missing, folder, console)
        except SnnfwError:
            if not begun and not any(_has_begun(folder / JOBS / job.name) for job in missing):
                leave_nothing(folder, made)
            raise
        statuses = {job.name: read_status(folder / JOBS / job.name) for job in config.jobs}
        write_results(config, statuses, folder, console)
    complete = all(status.state == "done" for status in statuses.values())
    console.print(Text(f"results in {folder}"), soft_wrap=True)
    if not complete:
        console.print(Text(f"to do what is missing: {again(config, folder)}"), soft_wrap=True)
    return complete


def run_missing(config: SweepConfig, missing: Sequence[SweepJob], folder: Path, console: Console) -> None:
    """Hand out jobs and say what comes of each; those that a stop leaves undone wait for the next call."""
    describe_sweep(folder, config)
    for job in missing:
        write_status(folder / JOBS / job.name, Status("waiting"))
    here = str(Path.cwd())
    items = [Job(str(folder / JOBS / job.name), job.words, here, words_to_go_on(job.config)) for job in missing]
    open_jobs = {job.name for job in missing}
    try:
        with closing(launch(config.launcher, run_job, items, seed=None)) as outcomes:
            for at, outcome in outcomes:
                name = missing[at].name
                status = _settle(folder / JOBS / name, outcome)
                open_jobs.discard(name)
                done = f"{len(missing) - len(open_jobs)} of {len(missing)}"
                console.print(Text(f"{name}: {describe(status)} ({done})"), soft_wrap=True)
    finally:
        for name in open_jobs:
            if read_status(folder / JOBS / name).state != "done":
                write_status(folder / JOBS / name, Status("waiting"))


def words_to_go_on(config: RunConfig) -> tuple[str, ...]:
    """Return the words that a run that was stopped needs beside its folder: what it may run, and who is told."""
    return tuple(shlex.split(" ".join([*confirming_words(config), *tracker_words(config)])))


def describe(status: Status) -> str:
    """Return in words how a job ended."""
    if status.state == "done":
        return f"done in {describe_duration(status.seconds)}"
    return f"{status.state}, {status.reason}"


def again(config: SweepConfig, folder: Path) -> str:
    """Return the command that goes on with a sweep."""
    words = [word for word in config.words if word.partition("=")[0] != "out"]
    return f"snnfw sweep {shlex.join([*words, f'out={folder}'])}"


def _has_begun(folder: Path) -> bool:
    return read_status(folder).state != "waiting"


def _settle(folder: Path, outcome: Status | Raised | Lost) -> Status:
    """Return how a job ended; what its worker could not write down is written here."""
    if isinstance(outcome, Status):
        return outcome
    status = (
        Status("lost", outcome.reason) if isinstance(outcome, Lost) else Status("failed", failure_text(outcome.error))
    )
    write_status(folder, status)
    return status


def _tell_start(config: SweepConfig, missing: Sequence[SweepJob], folder: Path, console: Console) -> None:
    whom = config.launcher.name if config.launcher else "this machine, one after the other"
    there = len(config.jobs) - len(missing)
    kept = f", {there} of {len(config.jobs)} are there already" if there else ""
    console.print(Text(f"{len(missing)} runs on {whom}, in {folder}{kept}"), soft_wrap=True)
