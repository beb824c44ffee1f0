"""Ask the system for large pages under a new tensor: touching 4 KiB at a time costs more than a neuron's arithmetic."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

from torch import Tensor

PAGE = 2 * 2**20
"""Bytes of a large page, on x86-64 and on most 64-bit Arm systems."""

LARGE_PAGES = 14
"""Linux's ``MADV_HUGEPAGE``."""


def ask_for_large_pages(tensor: Tensor) -> bool:
    """Advise the system to back the whole large pages inside a tensor's memory with large pages, where it can.

    It is advice: memory already touched stays as it is, and a system that has none ignores it. Returns whether the
    system took the advice.
    """
    start = tensor.data_ptr()
    stop = start + tensor.untyped_storage().nbytes()
    first, last = -(-start // PAGE) * PAGE, stop // PAGE * PAGE
    advise = _madvise()
    return last > first and advise is not None and advise(first, last - first, LARGE_PAGES) == 0


@functools.cache
def _madvise() -> Callable[[int, int, int], int] | None:
    """Return the C library's function; None where there is none."""
    try:
        function = ctypes.CDLL(None).madvise
    except (OSError, TypeError, AttributeError):
        return None
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return function
