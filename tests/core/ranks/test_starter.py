"""A program that is no file is not started again; what was started ends with its starter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snnfw.errors import SnnfwError
from snnfw.ranks import starter

ORPHAN = """
import os, subprocess, sys, time
from snnfw.ranks.starter import RANK, begin_together
if len(sys.argv) == 1:
    begin_together(2, 1)
    child = subprocess.Popen([sys.executable, __file__, "again"], env={**os.environ, RANK: "1"}, stdout=subprocess.PIPE)
    child.stdout.readline()
    print(child.pid, flush=True)
    os.kill(os.getpid(), 9)
begin_together(2, 1)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("name", ["-c", "-", ""])
def test_a_program_that_is_no_file_is_not_started_again(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, "argv", [name])
    monkeypatch.delenv(starter.RANK, raising=False)
    monkeypatch.delenv(starter.STARTER, raising=False)
    with pytest.raises(SnnfwError) as error:
        starter.begin_together(2, 1)
    assert str(error.value) == (
        "devices=2 nodes=1 start this program again, and it is no file but python -c or standard input: put it into a "
        "script, or give devices=1."
    )
    assert starter.STARTER not in os.environ


@pytest.mark.parametrize(("number", "started"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_a_process_knows_whether_another_one_is_the_first(
    monkeypatch: pytest.MonkeyPatch, number: str | None, started: bool
) -> None:
    monkeypatch.delenv(starter.RANK, raising=False)
    if number is not None:
        monkeypatch.setenv(starter.RANK, number)
    assert starter.is_started() is started


def test_a_process_ends_once_its_starter_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    environment = {key: value for key, value in os.environ.items() if key not in (starter.RANK, starter.STARTER)}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # our own script
    assert done.returncode == -signal.SIGKILL, done.stderr
    child = int(done.stdout)
    ends = time.monotonic() + 10
    while _runs(child) and time.monotonic() < ends:
        time.sleep(0.1)
    left = _runs(child)
    if left:
        os.kill(child, signal.SIGKILL)
    assert not left


def _runs(process: int) -> bool:
    """Tell whether a process runs; one that nobody has asked for its status does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
