"""What is wrong with a tracker is found, and said in a sentence."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from snnfw.checks.faults import NotTriedError
from snnfw.checks.trackers import check_tracker
from snnfw.errors import SnnfwError
from snnfw.values import Tracked

WAIT = threading.Event()


@dataclass(frozen=True)
class Logging:
    """Log as one of the faults says."""

    name: ClassVar[str] = "logging"
    fault: str = "none"

    def require(self) -> None:
        if self.fault == "refuses":
            raise SnnfwError("tracker=logging has no account.")
        if self.fault == "breaks":
            raise ValueError("no")

    def log(self, whole: Tracked, parts: Sequence[Tracked]) -> Any:
        assert not parts or all(part.folder is None for part in parts)
        if self.fault == "raises":
            raise OSError("the server is down")
        if self.fault == "prints":
            print("logging ...")
        if self.fault == "writes":
            whole.files[0].write_bytes(b"")
        if self.fault == "stays" and parts:
            threading.Thread(target=WAIT.wait, name="stays").start()
        return None if self.fault == "silent" else "here"


@pytest.mark.parametrize(
    ("fault", "faults"),
    [
        ("none", []),
        ("breaks", ["require() raises a ValueError: what could not be logged is an SnnfwError, in a sentence."]),
        ("raises", ["logging a small run fails: OSError: the server is down."]),
        ("prints", ["log() prints 'logging ...': return what there is to say."] * 2),
        ("writes", ["log() changes the results in the run's folder."]),
        ("stays", ["log() leaves the thread 'stays' behind, which keeps a program from ending."]),
        ("silent", ["log() returns nothing: it must return text, where the run is to be seen."] * 2),
    ],
)
def test_faults_are_said(fault: str, faults: list[str]) -> None:
    WAIT.clear()
    here = Path.cwd()
    try:
        assert check_tracker(Logging(fault)) == faults
    finally:
        WAIT.set()
    assert Path.cwd() == here


def test_a_tracker_without_an_account_is_not_tried() -> None:
    with pytest.raises(NotTriedError, match=r"tracker=logging has no account\."):
        check_tracker(Logging("refuses"))
