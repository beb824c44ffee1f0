"""How many threads a worker computes with: its share of the machine's cores."""

from __future__ import annotations

import os
import sys

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""What libraries read when they are loaded."""


def count_cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_cores(workers: int, cores: int | None = None) -> int:
    """Return the threads of each of several workers on one machine, never more than this process was told to use."""
    cores = cores or count_cores()
    told = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores // max(1, workers), int(told) if told.isdigit() and int(told) else cores))


def limit_threads(threads: int) -> None:
    """Let this process, and those that it starts, compute with so many threads."""
    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
