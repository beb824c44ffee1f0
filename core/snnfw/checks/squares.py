"""What launchers are tried with: a function that returns, raises or ends its worker, and needs no torch."""

from __future__ import annotations

import os
import signal

RAISED = "as asked"


def square_or_fail(item: tuple[int, int, str]) -> int:
    """Return a square, raise, or end the worker, as the item says; a caller's own process is never ended."""
    caller, number, how = item
    if how == "raise":
        raise ValueError(RAISED)
    if how == "die":
        if os.getpid() == caller:
            raise RuntimeError("the function runs in the caller's own process")
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return number * number
