"""One job of a sweep, on whatever worker: a process of its own, its log, and its status."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from snnfw.errors import StaleError, printable
from snnfw.launching.orphans import PARENT
from snnfw.report.folder import has_stopped
from snnfw.sweeping.status import RUN, Status, write_status

LOG = "log.txt"

PROGRAM = (sys.executable, "-m", "snnfw")
"""What a job runs; on a worker it is the worker's own Python."""

PATIENCE = 5.0
"""Seconds that a job has to end when it is asked to."""

LONGEST = 500
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker has to know: the job's folder, the words of its run, and where those were said.

    ``allowed`` are the words that have to stand beside ``resume=`` for a run to go on that was stopped.
    """

    folder: str
    words: tuple[str, ...]
    directory: str
    allowed: tuple[str, ...] = ()


def run_job(job: Job) -> Status:
    """Run a job in a process of its own and return how it ended; its folder says the same.

    Where an earlier try was stopped and has kept how far it was, the run goes on there; what cannot be gone on with (it
    is damaged, the machine or a version is another one) begins anew.
    """
    folder, started = Path(job.folder), time.monotonic()
    begin = [*job.words, f"out={folder / RUN}"]
    if has_stopped(folder / RUN):
        code = _run(job, [f"resume={folder / RUN}", *job.allowed], "w")
        if code == StaleError.status:
            clear(folder)
            code = _run(job, begin, "a")
    else:
        clear(folder)
        code = _run(job, begin, "w")
    status = replace(describe_end(code, folder / LOG), host=platform.node(), seconds=time.monotonic() - started)
    write_status(folder, status)
    return status


def _run(job: Job, words: Sequence[str], mode: Literal["w", "a"]) -> int:
    """Run the program with some words and return its exit status; its log is written anew, or added to."""
    folder = Path(job.folder)
    command = [*PROGRAM, "run", *words]
    with (folder / LOG).open(mode, encoding="utf-8") as log:
        log.write(f"$ cd {shlex.quote(job.directory)}\n$ {shlex.join(command)}\n")
        log.flush()
        environment = {**os.environ, PARENT: str(os.getpid()), "COLUMNS": "120"}
        process = subprocess.Popen(  # noqa: S603  # our own interpreter, with the words that were checked
            command, cwd=job.directory, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            write_status(folder, Status("running", host=platform.node(), pid=process.pid))
            return process.wait()
        except BaseException:
            _end(process)
            raise


def clear(folder: Path) -> None:
    """Empty a job's folder of what an earlier try has left."""
    for left in (*folder.glob(f"{RUN}*"), *folder.glob(f".{RUN}*")):
        shutil.rmtree(left, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def describe_end(code: int, log: Path) -> Status:
    """Return how a process ended, by its exit code and the last thing that it said."""
    if code == 0:
        return Status("done")
    if code < 0:
        return Status("lost", f"it was ended by {_signal(-code)}")
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if line.startswith("snnfw: ")), lines[-1] if lines else "")
    told = printable(said.removeprefix("snnfw: ").strip())[:LONGEST]
    if code > 128 and not said.startswith("snnfw: "):
        return Status("lost", f"it was ended by {_signal(code - 128)}")
    return Status("failed", told or f"it ended with status {code}")


def _signal(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and end it where it does not."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
