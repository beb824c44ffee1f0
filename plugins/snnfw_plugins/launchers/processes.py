"""Run a function on processes of this machine, which joblib keeps for the next time."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from snnfw import Lost, SnnfwError
from snnfw.launching import end_with, limit_threads, share_cores
from snnfw_plugins.launchers.workers import import_library

Given = TypeVar("Given")
Returned = TypeVar("Returned")

IDLE = 60
"""Seconds that a process waits for more work before it ends."""


@dataclass(frozen=True, slots=True)
class Local:
    """Run on processes of this machine, by joblib."""

    name: ClassVar[str] = "local"

    workers: Annotated[int | None, Field(ge=1, description="processes at once; without it, one for each core")] = None

    def require(self) -> None:
        """Refuse to begin without the library."""
        import_library("joblib")

    def map(
        self, function: Callable[[Given], Returned], items: Sequence[Given], /
    ) -> Iterator[tuple[int, Returned | Lost]]:
        """Yield what comes of each item; all that processes had at once are lost when one of them dies."""
        return map_on_processes(self.workers, function, items)


def map_on_processes(
    workers: int | None, function: Callable[[Any], Any], items: Sequence[Any]
) -> Iterator[tuple[int, Any]]:
    """Yield what comes of each item; each process reads the function once, from a file."""
    joblib = import_library("joblib")
    cores = int(joblib.cpu_count())
    count = min(workers or cores, len(items))
    try:
        with TemporaryDirectory(prefix="snnfw-") as folder:
            file = Path(folder) / "function"
            file.write_bytes(pickle.dumps(function))
            yield from _map(count, share_cores(count, cores), file, items)
    except OSError as error:
        raise SnnfwError(
            f"launcher=local cannot write what processes read ({error}): make room, or say where with TMPDIR."
        ) from error


def _map(workers: int, threads: int, file: Path, items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Yield outcomes, with as many items given out as there are processes, and new processes after a death."""
    waiting = list(enumerate(items))
    running: dict[Future[Any], int] = {}
    ended = False
    try:
        while waiting or running:
            executor = _executor(workers, threads)
            while waiting and len(running) < workers:
                at, item = waiting[0]
                try:
                    running[executor.submit(run_from_file, str(file), threads, os.getpid(), item)] = at
                except BrokenProcessPool:  # one has died since: what it had is told below, and the rest gets new ones
                    break
                waiting.pop(0)
            done, _ = wait(running, return_when=FIRST_COMPLETED) if running else (set[Future[Any]](), None)
            if any(isinstance(each.exception(), BrokenProcessPool) for each in done):
                done, _ = wait(running)  # all of them had the same processes
            for each in done:
                at, fault = running.pop(each), each.exception()
                yield at, Lost(_reason(fault)) if isinstance(fault, BrokenProcessPool) else each.result()
        ended = True
    finally:
        if not ended:  # what still runs is of no use to anybody
            _executor(workers, threads).shutdown(wait=True, kill_workers=True)


def _executor(workers: int, threads: int) -> Any:
    """Return the processes that there are, or new ones; one that died took the others with it."""
    from joblib.externals.loky import get_reusable_executor

    return get_reusable_executor(max_workers=workers, timeout=IDLE, env={"OMP_NUM_THREADS": str(threads)})


_READ: dict[str, Callable[[Any], Any]] = {}
"""The function that this process read last, by its file."""


def run_from_file(file: str, threads: int, parent: int, item: Any) -> Any:
    """Run the function of a file, in a process of joblib's, which would else outlive a caller that was killed."""
    end_with(parent)
    if file not in _READ:
        _READ.clear()
        _READ[file] = pickle.loads(Path(file).read_bytes())  # noqa: S301  # of the process that started this one
        limit_threads(threads)
    return _READ[file](item)


def _reason(error: BaseException) -> str:
    """Return what ended a process, by its signal where it is known."""
    signals = sorted(set(re.findall(r"(SIG[A-Z0-9]+)\(-\d+\)", str(error))))
    told = f"a worker process was ended by {' or '.join(signals)}" if signals else "a worker process ended by itself"
    return f"{told}, and what the others had with it"
