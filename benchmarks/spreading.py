"""A search's measurements on workers: what is done once, what each worker does, and what is divided among them."""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from benchmarks.result import Section
from benchmarks.search import Settings
from benchmarks.timing import Measured
from snnfw import Lost
from snnfw.archive.sending import REDUCERS
from snnfw.search.sensitivity import Table
from snnfw.search.sensitivity import measure as measure_sensitivity
from snnfw.search.trials import Trials
from snnfw.search.workers import Workers

Given = TypeVar("Given")
Returned = TypeVar("Returned")

WORKERS = (1, 2, 8, 64)
REPETITIONS = 3


@dataclass(frozen=True, slots=True)
class Timed:
    """Work in this process, on what another one would get, and keep the seconds and the bytes of each part."""

    name: ClassVar[str] = "timed"

    sent: list[int] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    extra: list[float] = field(default_factory=list)
    items: list[float] = field(default_factory=list)

    def map(
        self, function: Callable[[Given], Returned], items: Sequence[Given], /
    ) -> Iterator[tuple[int, Returned | Lost]]:
        """Yield what comes of each item; the first one reads the function, which is told apart."""
        packed: Any = pickle.dumps(function)
        self.sent.append(len(packed))
        took, work = seconds_of(lambda: pickle.loads(packed))  # noqa: S301  # what was pickled a moment ago
        first, _ = seconds_of(partial(work, items[0]))
        self.extra.append(took + first)
        for at, item in enumerate(items):
            spent, answer = seconds_of(partial(work, item))
            self.items.append(spent)
            if at == 0:
                self.read.append(took + max(first - spent, 0.0))
            yield at, answer


def seconds_of(call: Callable[[], Returned]) -> tuple[float, Returned]:
    """Return the processor seconds of a call, which other programs do not lengthen much, and what it returns."""
    start = time.process_time()
    returned = call()
    return time.process_time() - start, returned


def measure(settings: Settings) -> Iterator[Section]:
    """Yield the parts, and what they make of so many workers."""
    trials = settings.trials()
    filled(settings, trials)  # compiles, and fills caches
    here, table = min((seconds_of(lambda: filled(settings, trials)) for _ in range(REPETITIONS)), key=itemgetter(0))
    there, timed = min((timed_search(settings, trials, table) for _ in range(REPETITIONS)), key=itemgetter(0))
    once = there - sum(timed.items) - sum(timed.extra)
    parts = [
        ("in one process", here),
        ("once, by the caller: keys, conversion, sending", once),
        (f"each worker: reading {sum(timed.sent) / 2**20:.1f} MiB", sum(timed.read)),
        (f"divided: {len(timed.items)} items together", sum(timed.items)),
        ("the longest of them", max(timed.items)),
    ]
    sizes = f"{settings.bundle.__name__}, N = {settings.samples}, T = {settings.timesteps}, {settings.candidates} φ"
    yield Section(
        f"A search's measurements on workers, {sizes}: processor seconds",
        ("", "s"),
        tuple((name, f"{spent:.2f}") for name, spent in parts),
        Measured({}),
    )
    rows = []
    for count in WORKERS:
        spent = once + sum(timed.read) + max(sum(timed.items) / count, max(timed.items))
        rows.append((str(count), f"{spent:.2f}", f"{here / spent:.2f}"))
    yield Section(
        "Computed from these: workers that are there already",
        ("workers", "s", "times as fast"),
        tuple(rows),
        Measured({}),
    )


def timed_search(settings: Settings, trials: Trials, table: Table) -> tuple[float, Timed]:
    """Return the seconds of a search by a launcher that keeps those of each part, of the same table."""
    timed = Timed()
    spent, same = seconds_of(lambda: filled(settings, replace(trials, workers=Workers(timed, REDUCERS))))
    if same != table:
        raise AssertionError("workers measure something else")
    return spent, timed


def filled(settings: Settings, trials: Trials) -> Table:
    """Return the table, nothing known from before."""
    plan = settings.plan(trials)
    with tempfile.TemporaryDirectory() as cache:
        return measure_sensitivity(plan, settings.asked(plan), settings.question, trials, Path(cache))
