"""Make frames of events: counted per cell, polarity and stretch of the recording by tonic, and scaled."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from snnfw import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import ModuleType

    from numpy.typing import NDArray
    from torch import Tensor

LOG = logging.getLogger("snnfw")


@dataclass(frozen=True, slots=True)
class Framing:
    """How a recording becomes a sample.

    ``sensor`` and ``size`` are (width, height) of the sensor and of a frame: every cell of a frame counts the events
    of the pixels in it. ``frames`` stretches follow one another without a gap or an overlap, of equal duration
    between the first event and the last (``time``) or between 0 and the last (``maximum``), or with equally many events
    (``count``). A count c becomes min(c, clip) / clip, without ``clip`` it stays as it is.

    With ``static`` the counts of all frames are summed, and the limit is ``frames`` times ``clip``: what is shown at
    ``frames`` timesteps then adds up to the same as the frames do, unless one of them is clipped. With ``stacked`` they
    are the channels of one static input, polarity after polarity.

    With ``nearest`` events are counted by the sensor's pixels, on a square that is empty below and to the right of a
    sensor that is none, and a cell takes over the nearest pixel: others are lost, or repeated.
    """

    sensor: tuple[int, int]
    size: tuple[int, int]
    frames: int
    slicing: Literal["time", "count", "maximum"]
    clip: int | None
    static: bool
    stacked: bool = False
    nearest: bool = False

    @property
    def moving(self) -> bool:
        """Tell whether a sample holds frames, one for each timestep."""
        return not (self.static or self.stacked)

    @property
    def cells(self) -> tuple[int, int]:
        """Return the columns and rows that events are counted in."""
        return (max(self.sensor),) * 2 if self.nearest else self.size

    def shape(self) -> tuple[int, ...]:
        """Return a sample's shape."""
        size = (self.size[1], self.size[0])
        if self.stacked:
            return (2 * self.frames, *size)
        return (2, *size) if self.static else (self.frames, 2, *size)

    def sample(self, counts: NDArray[Any]) -> Tensor:
        """Return the sample, of the shape that ``shape`` says, for counts [frames, 2, H, W] of the cells."""
        if self.nearest:
            columns, rows = (np.arange(side) * cells // side for side, cells in zip(self.size, self.cells, strict=True))
            counts = counts[..., rows[:, None], columns]
        if self.stacked:
            counts = counts.swapaxes(0, 1).reshape(self.shape())
        values = torch.from_numpy((counts.sum(0) if self.static else counts).astype(np.float32))
        if self.clip is None:
            return values
        limit = self.clip * self.frames if self.static else self.clip
        return values.clamp(max=limit) / limit


@dataclass(frozen=True, slots=True)
class CountedSamples:
    """Samples whose events are counted already, each [frames, 2, H, W]."""

    counts: Sequence[NDArray[np.int16]]
    labels: Sequence[int]
    framing: Framing

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.framing.sample(self.counts[index]), int(self.labels[index])


@dataclass(frozen=True, slots=True)
class RecordedSamples:
    """Files of events with their labels, read and counted one by one; ``data`` names the data set in errors."""

    files: Sequence[tuple[Path, int]]
    read: Callable[[Path, str], NDArray[Any]]
    framing: Framing
    data: str

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.files[index]
        events = require_usable(self.read(path, self.data), self.framing.sensor, path, self.data)
        counts = count_events(events, self.framing)
        if counts.sum(dtype=np.int64) != len(events):  # tonic counts in 16 bits
            raise SnnfwError(
                f"recording '{path}' of data '{self.data}' has more than 32767 events in one cell of a frame: give "
                f"more than data.frames={self.framing.frames}."
            )
        return self.framing.sample(counts), label


def require_usable(events: NDArray[Any], sensor: tuple[int, int], path: Path, data: str) -> NDArray[Any]:
    """Return the events by time, or raise an SnnfwError that names the file; one without events is only told."""
    if not len(events):
        LOG.warning("snnfw: recording '%s' of data '%s' has no events: all its frames are empty", path, data)
        return events
    if (earliest := int(events["t"].min())) < 0:
        raise SnnfwError(
            f"recording '{path}' of data '{data}' has the negative timestamp {earliest}: extract the file again."
        )
    width, height = sensor
    outside = (events["x"] < 0) | (events["x"] >= width) | (events["y"] < 0) | (events["y"] >= height)
    if outside.any():
        x, y = (int(events[axis][outside][0]) for axis in "xy")
        raise SnnfwError(
            f"recording '{path}' of data '{data}' has an event at x={x}, y={y}, outside its sensor of {width} by "
            f"{height} pixels: it is of another data set, or damaged."
        )
    return events[np.argsort(events["t"], kind="stable")]


def count_events(events: NDArray[Any], framing: Framing) -> NDArray[np.int16]:
    """Return how many events fall into each cell, [frames, 2, H, W], OFF before ON, for events by time.

    tonic cuts at whole numbers and drops what is left at the end, so it is given places in the recording (time since
    the first event, or rank) times the number of frames: stretches as long as the recording then cut it exactly.
    """
    transforms = require_tonic("transforms")
    (width, height), (columns, rows) = framing.sensor, framing.cells
    if not len(events):
        return np.zeros((framing.frames, 2, rows, columns), np.int16)
    place, length = _places(events, framing)
    placed = np.empty(len(events), [("x", np.int64), ("y", np.int64), ("t", np.int64), ("p", np.int64)])
    across, down = (columns, rows) if framing.nearest else (width, height)
    placed["x"] = events["x"].astype(np.int64) * columns // across
    placed["y"] = events["y"].astype(np.int64) * rows // down
    placed["t"], placed["p"] = place * framing.frames, events["p"]
    to_frame = transforms.ToFrame(
        (columns, rows, 2), time_window=length, start_time=0, end_time=length * framing.frames
    )
    counts: NDArray[np.int16] = to_frame(placed)
    return counts


def _places(events: NDArray[Any], framing: Framing) -> tuple[NDArray[np.int64], int]:
    """Return each event's place in the recording, as a whole number from 0, and how long the recording is then.

    Of ``maximum`` stretch i is (i/n, (i+1)/n] of the last event's time, the first one with 0 in it.
    """
    times = events["t"].astype(np.int64)
    if framing.slicing == "maximum":
        return np.maximum(times - 1, 0), max(int(times[-1]), 1)
    place = times - times[0] if framing.slicing == "time" else np.arange(len(events))
    return place, int(place[-1]) + 1


def require_tonic(module: str) -> ModuleType:
    """Return one of tonic's modules, or say how to get tonic."""
    import importlib

    try:
        return importlib.import_module(f"tonic.{module}")
    except ImportError as error:
        raise SnnfwError("task 'events' needs the package tonic: pip install 'snnfw[events]'.") from error
