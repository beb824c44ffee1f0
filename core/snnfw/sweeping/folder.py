"""The folder of a sweep: one sweep's alone, one call's at a time."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from snnfw.config.sweep import SweepConfig
from snnfw.errors import SnnfwError, printable
from snnfw.files import require_writable, write_file
from snnfw.report.folder import as_json

FILE = "sweep.json"
LOCK = ".lock"
JOBS = "jobs"

MOST_TOLD = 4
"""Differences to another sweep that are told."""


def choose_folder(config: SweepConfig, now: datetime) -> Path:
    """Return where a sweep's jobs go: ``out``, or a new folder under runs/.

    Raises:
        SnnfwError: it cannot be made, or holds something else than this sweep.

    """
    target = config.out or Path("runs") / f"{now:%Y%m%d-%H%M%S}-sweep-{config.jobs[0].config.task.name}"
    if target.exists():
        require_own(target, config)
    else:
        require_writable(target)
    return target


def require_own(folder: Path, config: SweepConfig) -> None:
    """Refuse a folder that holds something else than this sweep; one that never began has left its lock."""
    if folder.is_dir() and (folder / FILE).is_file():
        _require_same(folder, config)
    elif not folder.is_dir() or not all(each.name.lstrip(".").startswith(LOCK[1:]) for each in folder.iterdir()):
        raise SnnfwError(f"out={folder} exists already and is no sweep: name a folder that does not exist.")


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep a folder for one call, which ends with its process.

    Raises:
        SnnfwError: another call has it.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise SnnfwError(
            f"another sweep is running in '{folder}'{_holder(folder)}: wait until it has ended, or choose another "
            "folder, out=FOLDER."
        ) from None
    except OSError as error:
        raise SnnfwError(
            f"cannot write into '{folder}' ({error.strerror or error}): choose another folder, out=FOLDER."
        ) from error
    try:
        write_file(folder / f"{LOCK}ed-by", f"process {os.getpid()} on {platform.node()}\n")
        yield
    finally:
        (folder / f"{LOCK}ed-by").unlink(missing_ok=True)
        lock.release()


def describe_sweep(folder: Path, config: SweepConfig) -> None:
    """Write down which sweep a folder is of."""
    if not (folder / FILE).is_file():
        write_file(folder / FILE, as_json({"schema": 1, **config.resolved}))


def leave_nothing(folder: Path, made: bool) -> None:
    """Take back what a sweep has put into its folder, with the folder itself where it has ``made`` it."""
    shutil.rmtree(folder if made else folder / JOBS, ignore_errors=True)
    for name in () if made else (FILE, LOCK):
        (folder / name).unlink(missing_ok=True)


def _holder(folder: Path) -> str:
    try:
        return f" ({printable((folder / f'{LOCK}ed-by').read_text(encoding='utf-8')).strip()})"
    except (OSError, UnicodeDecodeError):
        return ""


def _require_same(folder: Path, config: SweepConfig) -> None:
    """Refuse a folder of another sweep, and say what differs."""
    try:
        there = json.loads((folder / FILE).read_bytes())
        told = list(_differences(there, json.loads(as_json(config.resolved))))
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise SnnfwError(f"'{folder / FILE}' is damaged ({error}): choose another folder, out=FOLDER.") from error
    if told:
        more = f" and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
        raise SnnfwError(
            f"'{folder}' holds another sweep: {printable('; '.join(told[:MOST_TOLD]))}{more}. Choose another folder, "
            "out=FOLDER."
        )


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """Yield what two sweeps are told otherwise, by their words, or else by what became of them."""
    theirs, ours = _by_key(there), _by_key(here)
    keys = [key for key in {**theirs, **ours} if theirs.get(key) != ours.get(key)]
    yield from (f"{key} is {theirs.get(key, 'not said')} there and {ours.get(key, 'not said')} here" for key in keys)
    if keys:
        return
    for name in {**there["jobs"], **here["jobs"]}:
        one, other = _flat(there["jobs"].get(name, {})), _flat(here["jobs"].get(name, {}))
        for key in {**one, **other}:
            if one.get(key) != other.get(key):
                yield f"{key} of {name} is {one.get(key, 'nothing')} there and {other.get(key, 'nothing')} here"


def _by_key(plain: Mapping[str, Any]) -> dict[str, str]:
    """Return what a sweep was told, by key."""
    shared = dict(word.partition("=")[::2] for word in plain["shared"])
    return {**shared, **{key: ",".join(values) for key, values in plain["axes"].items()}}


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    entries = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else None
    if entries is None:
        return {key: value}
    return {name: each for at, entry in entries for name, each in _flat(entry, f"{key}.{at}".lstrip(".")).items()}
