"""A job is a process, and how it ends is said by its status: done, failed with the reason, lost by a signal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from snnfw.sweeping import jobs
from snnfw.sweeping.jobs import Job, describe_end, run_job
from snnfw.sweeping.status import Status, read_status

PROGRAM = """
import os, sys
from pathlib import Path
out = Path(next(word for word in sys.argv if word.startswith("out="))[4:])
if "how=done" in sys.argv:
    out.mkdir()
    (out / "report.json").write_text("{}")
if "how=killed" in sys.argv:
    os.kill(os.getpid(), 9)
if "how=refused" in sys.argv:
    sys.exit("snnfw: no such data.")
if "how=crash" in sys.argv:
    1 / 0
print("in", os.getcwd(), os.environ["SNNFW_PARENT"] == str(os.getppid()))
"""


@pytest.mark.parametrize(
    ("how", "state", "reason"),
    [
        ("done", "done", ""),
        ("killed", "lost", "it was ended by signal 9 (SIGKILL)"),
        ("refused", "failed", "no such data."),
        ("crash", "failed", "ZeroDivisionError: division by zero"),
    ],
)
def test_how_a_job_ends_is_said(
    how: str, state: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PROGRAM", (sys.executable, "-c", PROGRAM))
    folder = tmp_path / "job"
    (folder / "run").mkdir(parents=True)  # what an earlier try has left
    (folder / ".run-scratch").mkdir()
    status = run_job(Job(str(folder), (f"how={how}",), str(tmp_path)))
    assert (status.state, status.reason) == (state, reason)
    assert status.seconds > 0
    assert read_status(folder) == status
    assert {each.name for each in folder.iterdir()} == {"log.txt", "status.json", *(["run"] if how == "done" else [])}
    log = (folder / "log.txt").read_text()
    assert f"how={how} out={folder / 'run'}\n" in log
    assert how != "done" or f"in {tmp_path} True\n" in log


GOING_ON = """
import sys
from pathlib import Path
folder = Path(next(word for word in sys.argv if word.startswith(("out=", "resume="))).partition("=")[2])
stopped = folder.with_name("run.partial")
if sys.argv[2].startswith("resume=") and (stopped / "stale").exists():
    print("snnfw: it cannot be gone on with.")
    sys.exit(3)
if sys.argv[2].startswith("resume=") and (stopped / "broken").exists():
    sys.exit("snnfw: batch 7 cannot be read.")
folder.mkdir()
(folder / "report.json").write_text("{}")
"""


@pytest.mark.parametrize(
    ("kept", "state", "tries"),
    [
        (["config.yaml"], "done", ["resume"]),
        (["config.yaml", "stale"], "done", ["resume", "begin"]),
        (["config.yaml", "broken"], "failed", ["resume"]),
        ([], "done", ["begin"]),
    ],
    ids=["stopped", "stale", "broken", "kept nothing"],
)
def test_a_run_that_was_stopped_goes_on_and_one_that_cannot_begins_anew(
    kept: list[str], state: str, tries: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PROGRAM", (sys.executable, "-c", GOING_ON))
    run, stopped = tmp_path / "run", tmp_path / "run.partial"
    stopped.mkdir()
    for name in kept:
        (stopped / name).write_text("")
    status = run_job(Job(str(tmp_path), ("task=toy", "timesteps=4"), str(tmp_path), ("load=[mine.py]",)))
    assert status.state == state
    assert read_status(tmp_path) == status
    commands = {"resume": f"run resume={run} 'load=[mine.py]'", "begin": f"run task=toy timesteps=4 out={run}"}
    said = [line for line in (tmp_path / "log.txt").read_text().splitlines() if " run " in line]
    assert len(said) == len(tries)
    assert all(line.endswith(commands[each]) for line, each in zip(said, tries, strict=True))
    assert (stopped / "config.yaml").exists() == ("begin" not in tries and bool(kept))


@pytest.mark.parametrize(
    ("code", "said", "status"),
    [
        (0, "", Status("done")),
        (-15, "", Status("lost", "it was ended by signal 15 (SIGTERM)")),
        (-99, "", Status("lost", "it was ended by signal 99")),
        (137, "Killed", Status("lost", "it was ended by signal 9 (SIGKILL)")),
        (130, "snnfw: interrupted.", Status("failed", "interrupted.")),
        (2, "snnfw: no data.\nlater", Status("failed", "no data.")),
        (3, "", Status("failed", "it ended with status 3")),
        (1, "\x1b[31mred", Status("failed", "\\x1b[31mred")),
    ],
)
def test_an_exit_code_in_words(code: int, said: str, status: Status, tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(said)
    assert describe_end(code, tmp_path / "log.txt") == status


def test_a_job_that_is_interrupted_takes_its_process_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PROGRAM", (sys.executable, "-c", "import time; time.sleep(60)"))
    started = []

    def interrupt(folder: Path, status: Status) -> None:
        started.append(status.pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "write_status", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_job(Job(str(tmp_path / "job"), (), str(tmp_path)))
    assert not Path(f"/proc/{started[0]}").exists()


def test_a_worker_that_starts_jobs_imports_no_torch() -> None:
    code = "import sys, snnfw.sweeping.jobs, snnfw.launching.work; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603  # our own interpreter
