"""How a job stands is read from its file and its folder, whatever somebody wrote there."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from snnfw.errors import SnnfwError
from snnfw.sweeping.status import FILE, RUN, Status, read_status, require_ended, write_status


def finish(folder: Path) -> None:
    (folder / RUN).mkdir(parents=True)
    (folder / RUN / "report.json").write_text("{}")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    status = Status("failed", "no disk", "n7", 12, 3.5)
    write_status(tmp_path / "job", status)
    assert read_status(tmp_path / "job") == status
    assert [file.name for file in (tmp_path / "job").iterdir()] == [FILE]


@pytest.mark.parametrize(
    ("written", "complete", "state"),
    [
        ("running", False, "running"),
        ("running", True, "done"),
        ("waiting", True, "done"),
        ("done", True, "done"),
        ("done", False, "waiting"),
        ("failed", True, "failed"),
        ("lost", False, "lost"),
        (None, False, "waiting"),
        (None, True, "done"),
    ],
)
def test_the_folder_has_the_last_word(written: str | None, complete: bool, state: str, tmp_path: Path) -> None:
    if written:
        write_status(tmp_path, Status(written))  # type: ignore[arg-type]  # a state, as text
    if complete:
        finish(tmp_path)
    assert read_status(tmp_path).state == state


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"state": "won"}', '{"state": "lost", "pid": "x"}', '{"state": "lost", "pid": []}', "\xff"]
)
def test_a_damaged_file_says_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(text.encode("latin-1"))
    assert read_status(tmp_path) == Status("waiting")


def test_a_reason_that_was_sent_obeys_no_terminal(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"state": "failed", "reason": "\\u001b[2J"}')
    assert read_status(tmp_path).reason == "\\x1b[2J"


def test_a_job_that_still_runs_is_not_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_status(tmp_path, Status("running", host=platform.node(), pid=os.getpid()))
    monkeypatch.setattr(Path, "read_bytes", _cmdline(Path.read_bytes, os.fsencode(f"snnfw\0run\0out={tmp_path / RUN}")))
    with pytest.raises(SnnfwError) as caught:
        require_ended("mine", tmp_path)
    assert str(caught.value) == (
        f"'mine' of an earlier call is still running, as process {os.getpid()}: wait until it has ended, or end it."
    )
    monkeypatch.setattr(Path, "read_bytes", _cmdline(Path.read_bytes, b"python\0-m\0snnfw\0sweep"))
    require_ended("mine", tmp_path)  # another program that has got its number


@pytest.mark.parametrize(
    ("host", "pid"),
    [("elsewhere", os.getpid()), (platform.node(), 0), (platform.node(), 2**22)],
    ids=["elsewhere", "nobody", "no number"],  # the same on every worker
)
def test_one_that_has_ended_is(host: str, pid: int, tmp_path: Path) -> None:
    write_status(tmp_path, Status("running", host=host, pid=pid))
    require_ended("mine", tmp_path)


def _cmdline(read: object, text: bytes) -> object:
    original = Path.open

    def read_bytes(self: Path) -> bytes:
        if self.name == "cmdline":
            return text
        with original(self, "rb") as file:
            return bytes(file.read())

    return read_bytes
