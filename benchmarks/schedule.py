"""How long independent jobs take on a number of workers: by giving them out one after the other, and in closed form."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """Jobs, and what stands around them, in seconds.

    ``before`` and ``after`` are the caller's alone. Before its first job each worker starts, and computes ``again``
    what the others do too, all of them at once. ``hand`` is the caller's share in each job, to send it and to take back
    what it returns, one job at a time; ``merge`` its share in each worker's results at the end.
    """

    jobs: tuple[float, ...]
    before: float = 0.0
    start: float = 0.0
    again: float = 0.0
    hand: float = 0.0
    merge: float = 0.0
    after: float = 0.0


def simulate(work: Work, workers: int) -> float:
    """Return when all is done: each job goes to the worker that is free first, once the caller has handed it out."""
    used = min(workers, len(work.jobs))
    caller = work.before + work.start + work.again
    free = [caller] * used
    for job in work.jobs:
        caller = max(caller, free[0]) + work.hand
        heapq.heapreplace(free, caller + job)
    return max(free) + used * work.merge + work.after


def closed_form(work: Work, workers: int) -> float:
    """Return the same for equal jobs that cost the caller nothing: Amdahl's law, with jobs that cannot be divided."""
    used = min(workers, len(work.jobs))
    rounds = math.ceil(len(work.jobs) / workers)
    around = work.before + work.start + work.again + used * work.merge + work.after
    return around + rounds * work.jobs[0]


def lost(work: Work, workers: int) -> Mapping[str, float]:
    """Return what keeps a number of workers from taking the jobs' time divided by them, in seconds, by its name."""
    used = min(workers, len(work.jobs))
    whole = simulate(work, workers)
    known = {
        "before and after": work.before + work.after,
        "the start of a worker": work.start,
        "what every worker computes again": work.again,
        "merging": used * work.merge,
    }
    spread = whole - sum(known.values()) - sum(work.jobs) / workers
    handing = max(0.0, min(spread, len(work.jobs) * work.hand - sum(work.jobs) / workers)) if work.hand else 0.0
    return {**known, "handing out jobs": handing, "the size of a job": spread - handing}
