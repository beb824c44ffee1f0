"""How a job stands: a small file in its folder, whole at every moment."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from snnfw.errors import SnnfwError, printable
from snnfw.files import write_file

FILE = "status.json"
REPORT = "report.json"
RUN = "run"
"""The folder of the run itself, in the job's; it is there, with its report, when it is complete."""

State: TypeAlias = Literal["waiting", "running", "done", "failed", "lost"]


@dataclass(frozen=True, slots=True)
class Status:
    """How a job stands: why it failed or was lost, where it runs, and how many seconds it took."""

    state: State
    reason: str = ""
    host: str = ""
    pid: int = 0
    seconds: float = 0.0


def write_status(folder: Path, status: Status) -> None:
    """Write how a job stands into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / FILE, json.dumps(asdict(status)) + "\n")


def read_status(folder: Path) -> Status:
    """Return how a job stands: what its file says, or what its folder shows; one that nothing is known of waits."""
    try:
        plain = json.loads((folder / FILE).read_bytes())
        status = _built(plain) if isinstance(plain, Mapping) else Status("waiting")
    except (OSError, ValueError, TypeError):
        status = Status("waiting")
    complete = (folder / RUN / REPORT).is_file()
    if complete and status.state in ("running", "waiting"):
        return Status("done", seconds=status.seconds)  # what was to say so was stopped in between
    if not complete and status.state == "done":
        return Status("waiting")
    return status


def require_ended(name: str, folder: Path) -> None:
    """Refuse to do again what an earlier sweep's process is still doing on this machine."""
    status = read_status(folder)
    if status.state == "running" and status.host == platform.node() and _lives(status.pid, folder):
        raise SnnfwError(
            f"'{name}' of an earlier call is still running, as process {status.pid}: wait until it has ended, or end "
            "it."
        )


def _built(plain: Mapping[str, Any]) -> Status:
    state: State | None = next((each for each in get_args(State) if each == plain.get("state")), None)
    if state is None:
        return Status("waiting")
    texts = {key: printable(str(plain.get(key, ""))) for key in ("reason", "host")}
    return Status(state, **texts, pid=int(plain.get("pid", 0)), seconds=float(plain.get("seconds", 0.0)))


def _lives(pid: int, folder: Path) -> bool:
    """Tell whether a process is there that was told a job's folder: another program may have got its number."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    try:
        return os.fsencode(f"{os.sep}{folder.name}{os.sep}{RUN}") in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # no /proc here
        return True
