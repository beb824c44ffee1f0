"""Keep freed memory in this process: the system can take as long to hand out fresh pages as a network takes to run."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = 2 * 2**20
"""Bytes of a large page, on x86-64 and on most 64-bit Arm systems."""

LARGE_PAGES = 14
"""Linux's ``MADV_HUGEPAGE``."""

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
"""glibc's parameters of ``mallopt``: of how many free bytes at the heap's end some go back, how many more it grows by
than it needs, and how many blocks may have pages of their own, which go back when they are freed."""

ROOM = 4 * 2**30
"""Bytes that the heap is made to reach for at once, so that large pages can be asked for before it is used. They are
address space alone: memory is taken when it is written."""

LEAST_ROOM = 2**28
GROWTH = 2**26

SAID = ("MALLOC_", "GLIBC_TUNABLES")
"""What variables begin with by which a user sets glibc's allocator up."""


@dataclass(frozen=True, slots=True)
class Allocator:
    """What hands out memory in this process: its name, and why it is left as it is, if it is."""

    name: str
    left: str = ""


class _Place(ctypes.Structure):
    """What the dynamic linker knows of an address, ``Dl_info``."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


def keep_freed_memory() -> bool:
    """Keep freed memory for what comes next instead of handing it back; return whether the allocator can.

    The system clears every page that it hands out, and a simulation on a CPU asks for as many as it has activations,
    chunk after chunk. The price: the process stays as large as it ever was, until it ends. Known for glibc's allocator,
    which most Linux systems have; of any other nothing is changed, nor where environment variables set glibc's up.
    """
    return not find_allocator(os.environ).left and _keep()


def find_allocator(environment: Mapping[str, str]) -> Allocator:
    """Return what hands out memory in this process, and why ``keep_freed_memory`` would leave it as it is."""
    library = _library()
    version = getattr(library, "gnu_get_libc_version", None)
    if version is None or not hasattr(library, "mallopt"):
        return Allocator("the system's", "only glibc's is known")
    version.restype = ctypes.c_char_p
    glibc = f"glibc {version().decode()}"
    file = _file_of(library, "malloc")
    if not file.startswith("libc.so") and not file.startswith("libc-"):
        return Allocator(file or "unknown", "it stands before glibc's")
    said = sorted(name for name in environment if name.startswith(SAID[0]))
    said += [name for name in SAID[1:] if "glibc.malloc." in environment.get(name, "")]
    return Allocator(glibc, f"{', '.join(said)} set it up" if said else "")


def advise_large_pages(start: int, stop: int) -> bool:
    """Advise the system to back the whole large pages between two addresses with large pages, where it can.

    It is advice: memory already touched stays as it is, and a system that has none ignores it. Returns whether the
    system took the advice.
    """
    first, last = -(-start // PAGE) * PAGE, stop // PAGE * PAGE
    advise = getattr(_library(), "madvise", None) if first < last else None
    if advise is None:
        return False
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return bool(advise(first, last - first, LARGE_PAGES) == 0)


@functools.cache
def _keep() -> bool:
    """Set glibc's allocator up, once in a process."""
    library = _library()
    wanted = ((MMAP_MAX, 0), (TRIM_THRESHOLD, -1), (TOP_PAD, GROWTH))
    kept = all(library.mallopt(parameter, value) == 1 for parameter, value in wanted)
    if kept:
        _make_room(library)
    return kept


def _make_room(library: Any) -> None:
    """Let the heap reach for room and ask for large pages there; less where the system does not give as much."""
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes, library.free.restype = [ctypes.c_void_p], None
    size = ROOM
    while size >= LEAST_ROOM:
        block = library.malloc(size)
        if block:
            advise_large_pages(block, block + size)
            library.free(block)
            return
        size //= 2


def _file_of(library: Any, function: str) -> str:
    """Return the name of the file that a function comes from, which something loaded before may have replaced."""
    find = getattr(library, "dladdr", None)
    place = _Place()
    address = ctypes.cast(getattr(library, function), ctypes.c_void_p)
    if find is None or not find(address, ctypes.byref(place)) or not place.file:
        return ""
    return Path(os.fsdecode(place.file)).name


@functools.cache
def _library() -> Any:
    """Return what this process has loaded, its C library among it; None where it cannot be asked."""
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
