"""Write a run's results all at once: into a temporary folder beside the target, renamed when complete."""

from __future__ import annotations

import errno
import json
import math
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from snnfw.errors import SnnfwError
from snnfw.files import whole


def run_folder(out: Path | None, task: str, plugin: str, now: datetime) -> Path:
    """Return where a run's results go: ``out``, or runs/<time>-<task>-<plugin>, refusing one that exists."""
    if out is None:
        return Path("runs") / f"{now:%Y%m%d-%H%M%S}-{task}-{plugin}"
    if out.exists():
        raise SnnfwError(f"out={out} exists already: name a folder that does not, nothing is ever overwritten.")
    return out


def write_folder(target: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write all files and return the folder that holds them: complete, or not there at all.

    Where another run took the name in the meantime, ``-2``, ``-3`` ... is added.

    Raises:
        SnnfwError: the disk is full, or takes no files there.

    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise SnnfwError(f"cannot write results beside '{target}' ({error.strerror}): choose another out=.") from error
    try:
        for name, content in files.items():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        scratch.chmod(0o755)  # mkdtemp's folders are their owner's alone; results are for everyone
        return _rename(scratch, target)
    except OSError as error:
        raise SnnfwError(
            f"cannot write the folder '{target}' ({error.strerror or error}): make room, or choose another out=."
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_file(path: Path, text: str) -> None:
    """Write one file of a folder that is complete otherwise: the old one or the new one, never half."""
    with whole(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def _rename(scratch: Path, target: Path) -> Path:
    name, number = target, 1
    while True:
        try:
            if not name.exists():
                scratch.rename(name)
                return name
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        number += 1
        name = target.with_name(f"{target.name}-{number}")


def as_json(value: Mapping[str, Any], default: Callable[[Any], Any] = str) -> str:
    """Return indented JSON; paths and such are written as text, NaN and infinity as null, which JSON has not."""
    return json.dumps(finite(value), indent=2, default=default, allow_nan=False) + "\n"


def finite(value: Any) -> Any:
    """Return plain data in which numbers that are not finite are None."""
    if isinstance(value, Mapping):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
