"""What a sweep is told: runs that differ in a few values, each of them a complete configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnfw.config.axes import job_name, read_axes
from snnfw.config.given import given_words
from snnfw.config.hints import require_words
from snnfw.config.quick import quick_words
from snnfw.config.resolution import resolve
from snnfw.config.schema import KEYS, RunConfig
from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from snnfw.launching.launcher import Launcher
    from snnfw.registry import Registry

MOST_TOLD = 3
"""Combinations that are named for each fault."""


@dataclass(frozen=True, slots=True)
class SweepJob:
    """One combination: its name, its value of each axis, its words, and what they come to."""

    name: str
    values: Mapping[str, str]
    words: tuple[str, ...]
    config: RunConfig


@dataclass(frozen=True, slots=True)
class SweepConfig:
    """One sweep, completely: its jobs, and where and by what they run.

    ``resolved`` says the same as plain values; ``words`` are those of the command line.
    """

    jobs: tuple[SweepJob, ...]
    axes: Mapping[str, tuple[str, ...]]
    shared: tuple[str, ...]
    launcher: Launcher | None
    out: Path | None
    words: tuple[str, ...]

    @property
    def resolved(self) -> Mapping[str, Any]:
        """Return what makes this sweep another one than others: its axes, and every run as it is configured."""
        return {
            "axes": {key: list(values) for key, values in self.axes.items()},
            "shared": list(self.shared),
            "jobs": {job.name: _of_a_run(job.config.resolved) for job in self.jobs},
        }


def resolve_sweep(words: Sequence[str], registry: Registry, quick: bool = False) -> SweepConfig:
    """Return the sweep that ``key=value`` words ask for, every combination resolved.

    Raises:
        SnnfwError: what is wrong with the words, or with which combinations, all of them at once.

    """
    said = given_words(words, registry)
    require_words(said, KEYS, registry)
    axes = read_axes(said, registry)
    own = [word for word in axes.shared if word.partition("=")[0].partition(".")[0] in ("out", "launcher")]
    shared = [word for word in axes.shared if word not in own]
    jobs, faults = list[SweepJob](), dict[str, str]()
    for values in axes.combinations():
        name = _unique(job_name(values), {job.name for job in jobs} | set(faults))
        job_words = [*shared, *(f"{key}={value}" for key, value in values.items())]
        try:
            config = resolve(job_words, registry)
            if quick and (short := quick_words(config, job_words, registry)):
                job_words = [*short, *job_words]
                config = resolve(job_words, registry)
        except SnnfwError as error:
            faults[name] = str(error)
            continue
        jobs.append(SweepJob(name, values, tuple(job_words), config))
    if faults:
        raise faults_error(faults, len(jobs) + len(faults))
    whole = resolve([*jobs[0].words, *own], registry)
    return SweepConfig(tuple(jobs), axes.values, tuple(shared), whole.launcher, whole.out, tuple(said))


def faults_error(faults: Mapping[str, str], total: int) -> SnnfwError:
    """Return the error for combinations that cannot be run: each fault once, with those that have it."""
    having: dict[str, list[str]] = {}
    for name, fault in faults.items():
        having.setdefault(fault, []).append(name)
    lines = [f"{len(faults)} of {total} combinations cannot be run, and none was started."]
    for fault, names in having.items():
        more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
        lines.append(f"  {', '.join(names[:MOST_TOLD])}{more}: {fault}")
    return SnnfwError("\n".join(lines))


def _unique(name: str, taken: set[str]) -> str:
    """Return a name that no other job has, also where a file system knows no capitals."""
    lower, number, found = {each.lower() for each in taken}, 1, name
    while found.lower() in lower:
        number += 1
        found = f"{name}-{number}"
    return found


def _of_a_run(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's configuration without what is the sweep's."""
    return {key: value for key, value in resolved.items() if key not in ("out", "launcher")}
