"""Launching: one function over many items, here or on workers; what sends work out and takes it back comes in here."""

from __future__ import annotations

from snnfw.launching.launcher import Launcher, Lost, UnreachableError
from snnfw.launching.outcomes import Raised
from snnfw.launching.running import collect, launch
from snnfw.launching.threads import count_cores, limit_threads, share_cores

__all__ = [
    "Launcher",
    "Lost",
    "Raised",
    "UnreachableError",
    "collect",
    "count_cores",
    "launch",
    "limit_threads",
    "share_cores",
]
