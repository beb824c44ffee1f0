"""Simulate an event camera: pixels that report when their log intensity has changed by a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

EVENT = np.dtype([("t", "<u4"), ("x", "u1"), ("y", "u1"), ("p", "?")])
"""One event: when in microseconds, where, and whether the pixel became brighter (ON) or darker (OFF)."""


@dataclass(frozen=True, slots=True)
class Camera:
    """The pixel model of ESIM (Rebecq, Gehrig and Scaramuzza 2018), without a mismatch between pixels.

    ``contrast`` is the threshold C. ``dark`` is added to intensities of 0 to 1, so that black has a logarithm. An
    event that follows the pixel's last one by less than ``refractory`` microseconds is lost. ``noise`` events per
    pixel and second come at random times with random polarity.
    """

    contrast: float = 0.3
    dark: float = 0.1
    refractory: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Recordings:
    """Recordings one after the other: number i are the events from ``bounds[i]`` to ``bounds[i + 1]``, by time."""

    events: NDArray[Any]
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def __getitem__(self, index: int) -> NDArray[Any]:
        return self.events[self.bounds[index] : self.bounds[index + 1]]


def record_events(
    camera: Camera, scene: Iterable[Tensor], times: Sequence[float], random: np.random.RandomState
) -> Recordings:
    """Return the camera's events of a scene: intensities [N, H, W] at each of the ``times`` in microseconds.

    With L = ln(I + dark), a pixel whose last event left it at the level R fires ON at the time when L reaches R + C,
    and OFF when it reaches R - C; R moves along, also when the event is lost to the refractory period. Between two
    times L is taken for linear. R begins at the first L, so the sum of a pixel's polarities times C is its change of
    L, up to one C, as long as nothing is lost and nothing is noise.
    """
    levels = (torch.log(intensities + camera.dark) / camera.contrast for intensities in scene)
    first = next(levels)
    found = [
        _UnsortedEvents(*(torch.cat(part) for part in zip(*_crossings(first, levels, times, camera), strict=True)))
    ]
    if camera.noise:
        found.append(_noise(camera, tuple(first.shape), times, random))
    return _recordings(found, first.shape)


@dataclass(frozen=True, slots=True)
class _UnsortedEvents:
    """Events in no order: their place in the flattened [N, H, W], time and polarity."""

    place: Tensor
    time: Tensor
    on: Tensor


def _crossings(
    first: Tensor, levels: Iterator[Tensor], times: Sequence[float], camera: Camera
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield places, times and polarities of the events, step by step; levels are in units of the threshold."""
    before, begun = first.flatten(), first.flatten()
    passed = torch.zeros_like(before)  # thresholds passed since the beginning, ups minus downs: a whole number
    last = torch.full_like(before, -torch.inf)
    yield begun[:0].long(), begun[:0], begun[:0] > 0
    for (start, end), level in zip(pairwise(times), levels, strict=True):
        now = level.flatten()
        count = (now - begun - passed).trunc()
        moved = count.nonzero().squeeze(1)
        for rank in range(1, int(count.abs().max()) + 1):
            place = moved[count[moved].abs() >= rank]
            crossed = begun[place] + passed[place] + rank * count[place].sign()
            time = start + (end - start) * (crossed - before[place]) / (now[place] - before[place])
            seen = time - last[place] >= camera.refractory
            place, time = place[seen], time[seen]
            last[place] = time
            yield place, time, count[place] > 0
        passed += count
        before = now


def _noise(
    camera: Camera, shape: tuple[int, ...], times: Sequence[float], random: np.random.RandomState
) -> _UnsortedEvents:
    """Return events of a Poisson process in every pixel."""
    pixels, duration = int(np.prod(shape)), times[-1] - times[0]
    count = random.poisson(camera.noise * duration * 1e-6 * pixels)
    return _UnsortedEvents(
        torch.from_numpy(random.randint(pixels, size=count)),
        torch.from_numpy(times[0] + duration * random.random_sample(count)),
        torch.from_numpy(random.randint(2, size=count) > 0),
    )


def _recordings(found: Sequence[_UnsortedEvents], shape: torch.Size) -> Recordings:
    """Sort the events by recording and time, and pack them."""
    count, height, width = shape
    place = torch.cat([part.place for part in found]).numpy()
    time = torch.cat([part.time.long() for part in found]).numpy()
    on = torch.cat([part.on for part in found]).numpy()
    recording, pixel = np.divmod(place, height * width)
    order = np.argsort(recording << 32 | time, kind="stable")
    events = np.empty(len(order), EVENT)
    events["t"], events["p"] = time[order], on[order]
    events["y"], events["x"] = np.divmod(pixel[order], width)
    return Recordings(events, np.searchsorted(recording[order], np.arange(count + 1)))
