"""A process that was started for another one ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from snnfw.launching.orphans import PARENT, end_with_parent

CHILD = "from snnfw.launching.orphans import end_with_parent; end_with_parent(); import time; time.sleep(60)"
STARTER = f"""
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], env=dict(os.environ, {PARENT}=str(os.getpid())))
print(child.pid, flush=True)
import time; time.sleep(60)
"""


def lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="processes are looked up in /proc")
def test_it_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert lives(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 15
    while lives(child) and time.monotonic() < until:
        time.sleep(0.1)
    assert not lives(child)


@pytest.mark.parametrize("value", ["", "nobody"])
def test_without_a_parent_nothing_changes(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PARENT, value)
    end_with_parent()
    assert PARENT not in os.environ
