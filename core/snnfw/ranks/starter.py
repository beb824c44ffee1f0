"""Who has started this process: the first of several, which starts this program again, or nobody of this run."""

from __future__ import annotations

import os
import sys

from snnfw.errors import SnnfwError
from snnfw.launching import end_with

NO_FILE = ("-c", "-", "")
"""What stands for the script where there is none."""

RANK = "LOCAL_RANK"
"""Where Lightning, torchrun and clusters tell a process its number on its machine."""

STARTER = "SNNFW_STARTED_BY"
"""Where a process that Lightning starts reads which one has started it."""


def begin_together(devices: int, nodes: int) -> None:
    """Make ready to start this program again; what was started so ends once the process that started it is gone.

    Raises:
        SnnfwError: there is no program to start again.

    """
    if RANK in os.environ:
        starter = int(os.environ.get(STARTER, os.getpid()))
        if starter != os.getpid():  # nobody would read what this process computes, once that one is gone
            end_with(starter)
        return
    if sys.argv[0] in NO_FILE:
        raise SnnfwError(
            f"devices={devices} nodes={nodes} start this program again, and it is no file but python -c or standard "
            "input: put it into a script, or give devices=1."
        )
    os.environ[STARTER] = str(os.getpid())


def is_started() -> bool:
    """Tell whether this is one of several processes on this machine, and not their first."""
    return os.environ.get(RANK, "0") not in ("", "0")
