"""The word ``resume``: a folder to go on in says what is computed, and nothing beside it changes that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from snnfw.config.methods import expand_sources
from snnfw.config.schema import KEYS
from snnfw.config.sources import Plain, combine, optional_text, read_experiment
from snnfw.errors import SnnfwError
from snnfw.report.folder import stopped_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snnfw.registry import Registry

MAY_RUN = ("task", "model", "data")
"""What may name Python to run, and is then said again where something is resumed."""

OF_A_COMPARISON = ("methods", "retarget")
"""What the file of a comparison holds beside what that of a run does."""


def resumed_folder(given: Plain) -> Path | None:
    """Return the folder to go on in; beside it stand at most what it may run and who is told."""
    resume = optional_text(given, "resume")
    if resume is None:
        return None
    if others := sorted(set(given) - {"resume", "load", "tracker", *MAY_RUN}):
        raise _changes_nothing(Path(resume), others)
    return Path(resume)


def find_stopped(asked: Path, command: str) -> Path:
    """Return the folder that a run, or a comparison, was stopped in; ``command`` is which of both was asked for.

    Raises:
        SnnfwError: nothing was stopped there, or what was is the other one's.

    """
    folder = stopped_folder(asked)
    kind = "compare" if "methods" in read_experiment(folder / "config.yaml", (*KEYS, *OF_A_COMPARISON)) else "run"
    if kind != command:
        raise SnnfwError(f"resume={asked} was begun by {kind}: 'snnfw {kind} resume={asked}' goes on.")
    return folder


def require_nothing_new(folder: Path, file: Plain, given: Plain, registry: Registry) -> None:
    """Refuse words that would change what the folder's ``file`` says."""
    before = expand_sources(registry, file)
    after = combine(before, expand_sources(registry, given))
    if changed := [key for key in MAY_RUN if before.get(key) != after.get(key)]:
        raise _changes_nothing(folder, changed)


def _changes_nothing(folder: Path, keys: Sequence[str]) -> SnnfwError:
    return SnnfwError(
        f"resume={folder} goes on with what its config.yaml says: leave {', '.join(keys)} out, or begin anew."
    )
