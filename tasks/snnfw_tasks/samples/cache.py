"""Keep what was generated once in the user's cache, whole or not at all."""

from __future__ import annotations

import functools
import hashlib
import io
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw.files import cache_folder, write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

LOG = logging.getLogger("snnfw")

DIGEST = 64
"""A cached file begins with so many characters: the SHA-256 sum of the rest."""


def load_or_make(
    key: str, make: Callable[[], Mapping[str, NDArray[Any]]], kind: str, what: str
) -> Mapping[str, NDArray[Any]]:
    """Return the result of ``make``, from the cache where it was kept under ``key`` and is whole.

    ``kind`` names the folder in the cache, ``what`` the things that are generated.
    Safe when two processes start at once: each writes a file of its own and renames it.
    """
    name = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.{kind}"
    if found := _read(kind, name, what):
        return found
    arrays = make()
    try:
        _write(kind, name, arrays)
    except OSError as error:
        reason = error.strerror or str(error)
        _say_once(f"snnfw: cannot keep the {what} in the cache ({reason}): generates them for this run")
    return arrays


def _read(kind: str, name: str, what: str) -> Mapping[str, NDArray[Any]] | None:
    """Return the arrays of a file that is there and is what was written."""
    try:
        content = (cache_folder(kind) / name).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content[DIGEST:]).hexdigest().encode() != content[:DIGEST]:
        LOG.info("snnfw: generates the %s again, %s is damaged", what, name)
        return None
    with np.load(io.BytesIO(content[DIGEST:]), allow_pickle=False) as arrays:
        return dict(arrays)


def _write(kind: str, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle, which is a bool
    content = packed.getvalue()
    # A cache that cannot be written is told, and no fault.
    write_file(cache_folder(kind) / name, hashlib.sha256(content).hexdigest().encode() + content, refuse=())


@functools.cache
def _say_once(message: str) -> None:
    LOG.warning(message)
