"""Say where a run's results go, and write them as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from snnfw.errors import SnnfwError
from snnfw.files import require_writable


def run_folder(out: Path | None, task: str, plugin: str, now: datetime) -> Path:
    """Return where a run's results go: ``out``, or runs/<time>-<task>-<plugin>, if it is not there and can be."""
    target = Path("runs") / f"{now:%Y%m%d-%H%M%S}-{task}-{plugin}" if out is None else out
    if out is not None and out.exists():
        raise SnnfwError(f"out={out} exists already: name a folder that does not, nothing is ever overwritten.")
    if partial_folder(target).exists():
        raise SnnfwError(
            f"a run to '{target}' was begun and not finished: resume={target} goes on with it, and without the folder "
            f"'{partial_folder(target)}' it begins anew."
        )
    require_writable(target)
    return target


PARTIAL = ".partial"
"""What the name of the folder ends in, beside its results', in which a run keeps how far it is."""


def partial_folder(target: Path) -> Path:
    """Return where a run keeps how far it is."""
    return target.with_name(f"{target.name}{PARTIAL}")


def has_stopped(target: Path) -> bool:
    """Tell whether a run to a folder was stopped and has kept how far it was."""
    return (partial_folder(target) / "config.yaml").is_file() and not target.exists()


def stopped_folder(asked: Path) -> Path:
    """Return the folder of a run that was stopped, named itself or by where its results go.

    Raises:
        SnnfwError: nothing was stopped there.

    """
    folder = asked if asked.name.endswith(PARTIAL) else partial_folder(asked)
    target = folder.with_name(folder.name.removesuffix(PARTIAL))
    if target.exists():
        raise SnnfwError(f"resume={asked} is finished: its results are in '{target}', and nothing is left to run.")
    if not (folder / "config.yaml").is_file():
        raise SnnfwError(
            f"resume={asked} does not work: there is no '{folder / 'config.yaml'}'. A run keeps how far it is once it "
            "took half a minute, where its scorer can say what it saw: begin it anew."
        )
    return folder


def as_json(value: Mapping[str, Any], default: Callable[[Any], Any] = str) -> str:
    """Return indented JSON; paths and such are written as text, NaN and infinity as null, which JSON has not."""
    return json.dumps(replace_nonfinite(value), indent=2, default=default, allow_nan=False) + "\n"


def replace_nonfinite(value: Any) -> Any:
    """Return plain data in which numbers that are not finite are None."""
    if isinstance(value, Mapping):
        return {key: replace_nonfinite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [replace_nonfinite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
