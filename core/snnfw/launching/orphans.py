"""A process that somebody started for somebody else ends when that one is gone."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import cache

PARENT = "SNNFW_PARENT"
"""The variable that holds the number of the process that this one is for."""

EVERY = 0.5
"""Seconds between two looks."""


def end_with_parent() -> None:
    """End this process when the one that it is for has gone; without one, nothing changes."""
    parent = os.environ.pop(PARENT, "")
    if parent.isdigit():
        end_with(int(parent))


@cache
def end_with(parent: int) -> None:
    """End this process when its parent, of this number, has gone; saying so again changes nothing."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY)
    os.kill(os.getpid(), signal.SIGTERM)
