"""Peak memory of a simulation as T grows: ours within a budget, and SpikingJelly's, each in a process of its own.

The processes return freed memory to the system at once (``MALLOC_MMAP_THRESHOLD_``), so that what is measured is what a
simulation holds, and not what the allocator keeps for later.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.conversions import Settings, called, converted, folded, simulation, theirs
from benchmarks.result import Cell, Section
from benchmarks.timing import Measured, release
from snnfw_plugins.adafire import AdaFire

OURS, THEIRS = "snnfw, adafire φ=4", "SpikingJelly, RateCodingRecipe"
CALLED = "snnfw.SpikingNetwork, called"
BUDGET = 128 * 2**20
AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": str(2**20)}
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Question:
    """Whose peak, after how many timesteps."""

    candidate: str
    timesteps: int


def measure(
    timesteps: tuple[int, ...] = (16, 64, 256), repetitions: int = 3, ask: Callable[[Question], float] | None = None
) -> Iterator[Section]:
    """Yield the table of peaks; ``ask`` answers a question in bytes."""
    asked = ask or in_process_of_its_own
    found: dict[str, tuple[float, ...]] = {}
    for steps in timesteps:
        for _ in range(repetitions):
            for name in (OURS, CALLED, THEIRS):
                key = f"{name}, T = {steps}"
                found[key] = (*found.get(key, ()), asked(Question(name, steps)))
    yield _section(timesteps, Measured(found))


def in_process_of_its_own(question: Question) -> float:
    """Return the peak that a fresh process measures."""
    command = [sys.executable, "-m", "benchmarks.memory", question.candidate, str(question.timesteps)]
    variables = {**os.environ, **AT_ONCE}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=variables)  # noqa: S603  # this very module
    return float(json.loads(done.stdout.splitlines()[-1]))


@torch.no_grad()
def peak(question: Question, settings: Settings) -> float:
    """Return by how many bytes the process grows at most while it simulates, its network converted before."""
    settings = replace(settings, timesteps=question.timesteps)
    if question.candidate == OURS:
        run = simulation(converted(folded(settings), AdaFire(phi=4), settings), settings)
    elif question.candidate == CALLED:
        run = called(converted(folded(settings), AdaFire(phi=4), settings), settings)
    else:
        run = theirs(settings, channels_last=False)
    release()  # what conversion has freed would otherwise be taken again unseen
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak so far is forgotten
    before = _kilobytes("VmRSS")
    run()
    return 1024.0 * (_kilobytes("VmHWM") - before)


def _kilobytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _section(timesteps: tuple[int, ...], found: Measured) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for steps in timesteps:
        names = [f"{name}, T = {steps}" for name in (OURS, CALLED, THEIRS)]
        ours, *_, others = names
        peaks = (f"{found.median(name) / MIB:.0f}" for name in names)
        rows.append((str(steps), *peaks, found.ratio(others, ours)))
    columns = ("T", f"{OURS}: MiB", f"{CALLED}: MiB", f"{THEIRS}: MiB", "SpikingJelly / snnfw")
    title = f"Peak growth of memory, resnet18, N = 16, 64x64, memory={BUDGET // MIB}MiB"
    return Section(title, columns, tuple(rows), found)


if __name__ == "__main__":
    print(json.dumps(peak(Question(sys.argv[1], int(sys.argv[2])), Settings(memory=BUDGET))))
