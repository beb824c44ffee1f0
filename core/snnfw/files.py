"""Write files and folders whole or not at all: beside their place, and renamed when they are complete.

This is the one place that does; what is kept for a user goes into the user's cache, by kind.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from snnfw.errors import SnnfwError

__all__ = ["cache_folder", "replace_file", "scratch_beside", "write_file", "write_folder"]


def cache_folder(kind: str) -> Path:
    """Return where things of a kind are kept, ~/.cache/snnfw/KIND; OSError where the user has no home."""
    root = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(root) if root else Path.home() / ".cache") / "snnfw" / kind
    except RuntimeError as error:
        raise OSError(str(error)) from error


def require_writable(target: Path) -> None:
    """Refuse, before anything is computed for it, a folder that could not be made afterwards; nothing is left behind.

    Raises:
        SnnfwError: the nearest folder above it that there is takes no files.

    """
    above = next(folder for folder in target.absolute().parents if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise SnnfwError(
            f"cannot write results into '{above}' ({error.strerror or error}): choose another folder, out=FOLDER."
        ) from error


@contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside a path, on the same file system, which is gone afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent, ignore_cleanup_errors=True) as scratch:
        yield Path(scratch)


@contextmanager
def replace_file(path: Path, refuse: tuple[type[Exception], ...] = (OSError,)) -> Iterator[Path]:
    """Yield a path to write to, which then takes the place of the old file: that one or the new one, never half.

    ``refuse`` are what writing may raise and a user has to know of; where it is empty, as for a cache that can do
    without the file, everything passes as it is.

    Raises:
        SnnfwError: one of ``refuse`` was raised; what was there is untouched.

    """
    try:
        with scratch_beside(path) as folder:
            yield folder / path.name
            (folder / path.name).replace(path)
    except refuse as error:
        raise SnnfwError(f"cannot write '{path}' ({error}): make room; what was there is untouched.") from error


def write_file(path: Path, content: str | bytes, refuse: tuple[type[Exception], ...] = (OSError,)) -> None:
    """Write one file: the old one or the new one, never half; text as UTF-8, its line ends as they are."""
    with replace_file(path, refuse) as scratch:
        scratch.write_bytes(content if isinstance(content, bytes) else content.encode())


def write_folder(target: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write all files, by path within the folder, and return the folder that holds them: complete, or not there at all.

    Where another run took the name in the meantime, ``-2``, ``-3`` ... is added.

    Raises:
        SnnfwError: the disk is full, or takes no files there.

    """
    begun = False
    try:
        with scratch_beside(target) as scratch:
            begun = True
            made = scratch / target.name  # its permissions are for everyone, as a temporary folder's are not
            made.mkdir()
            for name, content in files.items():
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_bytes(content if isinstance(content, bytes) else content.encode())
            return _rename_folder(made, target)
    except OSError as error:
        reason = error.strerror or error
        if not begun:
            raise SnnfwError(
                f"cannot write results beside '{target}' ({reason}): choose another folder, out=FOLDER."
            ) from error
        raise SnnfwError(
            f"cannot write the folder '{target}' ({reason}): make room, or choose another folder, out=FOLDER."
        ) from error


def _rename_folder(made: Path, target: Path) -> Path:
    name, number = target, 1
    while True:
        try:
            if not name.exists():
                made.rename(name)
                return name
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        number += 1
        name = target.with_name(f"{target.name}-{number}")
