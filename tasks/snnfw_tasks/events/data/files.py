"""Read recordings in the formats that their authors publish: AEDAT 2, N-MNIST's .bin, Prophesee's .dat, .npy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw import SnnfwError
from snnfw_tasks.events.data.frames import require_tonic

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

EVENT = np.dtype([("x", np.int64), ("y", np.int64), ("t", np.int64), ("p", bool)])
"""One event: where, when in microseconds, and whether the pixel became brighter (ON)."""


def read_aedat2(path: Path, data: str) -> NDArray[Any]:
    """Return the events of a DVS128 in an AEDAT 2 file, upright as SpikingJelly shows CIFAR10-DVS.

    A text header, then 8 bytes per event, the highest first: 17 empty bits, 7 for the column and 7 for the row, both
    counted from the other end, 1 that is 0 for ON, and a signed time in microseconds.
    """
    address, times = read_addresses(path, data)
    return make_events(127 - (address >> 8 & 127), 127 - (address >> 1 & 127), times, 1 - (address & 1))


def read_addresses(path: Path, data: str) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the addresses and times of an AEDAT 2 file: what an address means is the camera's."""
    content = _content(path, data)
    header = _header(content, b"#")
    if not header.startswith(b"#!AER-DAT2"):
        raise damaged_error(path, data, "it does not begin with #!AER-DAT2.0")
    if (len(content) - len(header)) % 8:
        raise damaged_error(path, data, "it ends within an event")
    # tonic's read_dvs_128 unpacks two of three values and fails
    found = require_tonic("io").get_aer_events_from_file(str(path), 2.0, len(header))
    return found["address"].astype(np.int64), found["timeStamp"].astype(np.uint32).view(np.int32)


def read_bin(path: Path, data: str) -> NDArray[Any]:
    """Return the events of an ATIS in N-MNIST's format: 5 bytes per event, x, y, and 1 + 23 bits for p and t."""
    if len(_content(path, data)) % 5:
        raise damaged_error(path, data, "it ends within an event")
    found: NDArray[Any] = require_tonic("io").read_mnist_file(str(path), EVENT)
    return found


def read_dat(path: Path, data: str) -> NDArray[Any]:
    """Return the events of Prophesee's .dat format, for which tonic has no reader.

    A text header, a byte each for the kind and the size of an event (8), then per event 4 bytes with the time in
    microseconds and 4 with 14 bits for x, 14 for y and 1 for p, the lowest first.
    """
    content = _content(path, data)
    start = len(_header(content, b"%")) + 2
    if len(content) < start or content[start - 1] != 8:
        raise damaged_error(path, data, "its events are not of 8 bytes")
    if (len(content) - start) % 8:
        raise damaged_error(path, data, "it ends within an event")
    times, address = np.frombuffer(content, "<u4", offset=start).reshape(-1, 2).T
    return make_events(address & 0x3FFF, address >> 14 & 0x3FFF, times, address >> 28 & 1)


def read_npy(path: Path, data: str) -> NDArray[Any]:
    """Return the events of a .npy file with the columns x, y, p and t in milliseconds, as tonic publishes gestures."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise damaged_error(path, data, "it is not an array") from error
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.shape[1] != 4:
        raise damaged_error(path, data, "it is not an array with the columns x, y, p and t")
    if not np.isin(found[:, 2], (0, 1)).all() or not (found == np.round(found)).all():
        raise damaged_error(path, data, "x, y and t are not whole numbers, or p is neither 0 nor 1")
    x, y, p, t = found.T
    return make_events(x, y, t.astype(np.int64) * 1000, p)


def make_events(x: NDArray[Any], y: NDArray[Any], t: NDArray[Any], p: NDArray[Any]) -> NDArray[Any]:
    """Return events of their columns."""
    events = np.empty(len(t), EVENT)
    events["x"], events["y"], events["t"], events["p"] = x, y, t, p
    return events


def _content(path: Path, data: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise damaged_error(path, data, error.strerror or str(error)) from error


def _header(content: bytes, mark: bytes) -> bytes:
    """Return the lines at the beginning that start with the mark."""
    end = 0
    while content.startswith(mark, end):
        line = content.find(b"\n", end)
        end = len(content) if line < 0 else line + 1
    return content[:end]


def damaged_error(path: Path, data: str, reason: str) -> SnnfwError:
    """Return the error for a file that is not what it should be."""
    return SnnfwError(f"recording '{path}' of data '{data}' cannot be read ({reason}): extract the file again.")
