"""Measure candidates in turn, A B A B ..., and compare them repetition by repetition."""

from __future__ import annotations

import ctypes
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.machine import tuned

Candidates = Mapping[str, Callable[[], object]]
"""What is compared, by name; each call does the whole work once."""

QUIET = 0.05
"""Share of the machine that other processes may take during a repetition that counts."""

PATIENCE = 6
"""How many times as many repetitions are tried until enough of them were quiet."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some repetitions, the smallest and the largest."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


@dataclass(frozen=True, slots=True)
class Measured:
    """One value per candidate and repetition, in seconds or in bytes.

    ``disturbance`` is the share of the machine that other processes took during each repetition; of ``tried``
    repetitions the quietest were kept.
    """

    values: Mapping[str, tuple[float, ...]]
    disturbance: tuple[float, ...] = ()
    tried: int = 0

    def median(self, name: str) -> float:
        """Return a candidate's median."""
        return statistics.median(self.values[name])

    def ratio(self, above: str, below: str) -> Spread:
        """Return the spread of one candidate's value over another's of the same repetition."""
        pairs = zip(self.values[above], self.values[below], strict=True)
        return spread(first / second for first, second in pairs)

    def conditions(self) -> str:
        """Return how many repetitions count, and how quiet they were."""
        if not self.tried:
            most = max(map(len, self.values.values()), default=0)
            return "measured once" if most == 1 else f"{most} measurements of each" if most else "nothing measured"
        worst = f"{100 * max(self.disturbance, default=0.0):.0f}%"
        return f"{len(self.disturbance)} of {self.tried} repetitions, others took at most {worst} of the machine"


def spread(values: Iterable[float]) -> Spread:
    """Return the median and the extremes."""
    found = sorted(values)
    return Spread(statistics.median(found), found[0], found[-1])


def seconds(candidates: Candidates, repetitions: int, calls: int = 1, device: str = "cpu") -> Measured:
    """Return the seconds of each candidate, all of them measured once in each repetition.

    A candidate's turn is one call that is not counted, in which it comes to its own memory, and the median of ``calls``
    more. What a call returns is freed inside the time measured, as what it allocates within is. One repetition comes
    first and is not counted: it compiles, and fills caches. Repetitions that other processes disturbed are left out,
    and made up for.
    """
    _round(candidates, calls, device)
    rounds: list[tuple[float, dict[str, float]]] = []
    quiet = 0
    while quiet < repetitions and len(rounds) < PATIENCE * repetitions:
        before, start = others(), time.perf_counter()
        found = _round(candidates, calls, device)
        taken = (others() - before) / (time.perf_counter() - start) / (os.cpu_count() or 1)
        rounds.append((taken, found))
        quiet += taken < QUIET
    kept = sorted(rounds, key=lambda pair: pair[0])[:repetitions]
    values = {name: tuple(found[name] for _, found in kept) for name in candidates}
    return Measured(values, tuple(taken for taken, _ in kept), len(rounds))


def _round(candidates: Candidates, calls: int, device: str) -> dict[str, float]:
    wait = torch.cuda.synchronize if device.startswith("cuda") else _nothing
    found = {}
    for name, run in candidates.items():
        if not tuned():
            release()
        run()
        times = []
        for _ in range(calls):
            wait()
            start = time.perf_counter()
            run()
            wait()
            times.append(time.perf_counter() - start)
        found[name] = statistics.median(times)
    return found


def release() -> None:
    """Return freed memory to the system, so that nobody lives on what another has left behind."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)


def others() -> float:
    """Return the processor seconds that everything but this process has taken since the machine started."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]
    except OSError:
        return 0.0
    user, nice, system, _, _, interrupt, soft, stolen = map(int, first)
    ticks = user + nice + system + interrupt + soft + stolen
    return ticks / os.sysconf("SC_CLK_TCK") - time.process_time()


def _nothing() -> None:
    """Do not wait: on a CPU a call has finished when it returns."""
