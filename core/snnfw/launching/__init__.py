"""Launching: one function over many items, here or on workers; what sends work out and takes it back comes in here."""

from __future__ import annotations

from snnfw.launching.beginning import begin_launcher, require_launcher
from snnfw.launching.launcher import Launcher, Lost, UnreachableError
from snnfw.launching.orphans import end_with
from snnfw.launching.outcomes import Raised
from snnfw.launching.running import collect, finished, launch
from snnfw.launching.threads import count_cores, limit_threads, share_cores
from snnfw.launching.work import Reducers, seeded

__all__ = [
    "Launcher",
    "Lost",
    "Raised",
    "Reducers",
    "UnreachableError",
    "begin_launcher",
    "collect",
    "count_cores",
    "end_with",
    "finished",
    "launch",
    "limit_threads",
    "require_launcher",
    "seeded",
    "share_cores",
]
