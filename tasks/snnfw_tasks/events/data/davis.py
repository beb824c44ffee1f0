"""Read recordings of a DAVIS346: AEDAT 2 as jAER writes it, or arrays with the columns x, y, t and p = ±1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw_tasks.events.data.files import damaged_error, make_events, read_addresses

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH, HEIGHT = 346, 260
OTHER = 1 << 31
"""The bit of an address that is 0 for an event and 1 for a pixel of an image or a reading of the inertial sensor."""


def read_davis(path: Path, data: str) -> NDArray[Any]:
    """Return the events of a file by its suffix."""
    return read_davis_array(path, data) if path.suffix == ".npy" else read_davis346(path, data)


def read_davis346(path: Path, data: str) -> NDArray[Any]:
    """Return the events of a DAVIS346 in an AEDAT 2 file, upright.

    Of an address the highest bit is 0 for an event, the next 9 are the row and 10 the column, both counted from the
    other end, and 1 is 1 for ON; the other 11 bits are for images, which are left out.
    """
    address, times = read_addresses(path, data)
    event = address & OTHER == 0
    address, times = address[event], times[event]
    x, y = WIDTH - 1 - (address >> 12 & 1023), HEIGHT - 1 - (address >> 22 & 511)
    return make_events(x, y, times, address >> 11 & 1)


def read_davis_array(path: Path, data: str) -> NDArray[Any]:
    """Return the events of a .npy file with the columns x, y, t in microseconds, and p, which is 1 or -1."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise damaged_error(path, data, "it is not an array") from error
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.shape[1] != 4:
        raise damaged_error(path, data, "it is not an array with the columns x, y, t and p")
    if not np.isin(found[:, 3], (-1, 1)).all() or not (found == np.round(found)).all():
        raise damaged_error(path, data, "x, y and t are not whole numbers, or p is neither 1 nor -1")
    x, y, t, p = found.T
    return make_events(x, y, t, p > 0)
