"""Move the handwritten digits in front of the simulated event camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from snnfw_tasks.events.camera import Camera, Recordings, record_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

SENSOR = 24
DIGIT = 16
"""Sides of the sensor and of a digit on it, in pixels."""

SACCADE = 100_000
"""Duration of one of the three saccades, in microseconds."""

STEPS = 32
"""Pictures per saccade: a digit moves by a fifth of a pixel from one to the next."""

CHUNK = 256
"""Digits that are watched at once, which bounds the memory."""


@dataclass(frozen=True, slots=True)
class Paths:
    """A triangle for each digit: its middle off the sensor's [N, 2], radius [N], first corner [N] and sense [N]."""

    middle: NDArray[np.float64]
    radius: NDArray[np.float64]
    corner: NDArray[np.int64]
    sense: NDArray[np.int64]


def random_paths(clockwise: NDArray[np.bool_], random: np.random.RandomState) -> Paths:
    """Return triangles of random size and place, each begun at a random corner."""
    count = len(clockwise)
    return Paths(
        middle=random.uniform(-1, 1, (count, 2)),
        radius=random.uniform(3, 4, count),
        corner=random.randint(3, size=count),
        sense=np.where(clockwise, 1, -1),
    )


def positions_at(paths: Paths, time: float) -> Tensor:
    """Return where the digits are [N, 2], as x to the right and y downwards from the sensor's middle.

    ``time`` counts saccades, from 0 to 3: corner k lies at the angle 2πk / 3 and every side is passed at one speed.
    """
    side, share = divmod(time, 1)
    corners = []
    for step in (side, side + 1):
        angle = 2 * np.pi / 3 * (paths.corner + paths.sense * step) - np.pi / 2
        corners.append(paths.radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return torch.from_numpy(paths.middle + (1 - share) * corners[0] + share * corners[1])


def render_scenes(images: Tensor, paths: Paths) -> Iterator[Tensor]:
    """Yield intensities [N, SENSOR, SENSOR] of 0 to 1 for images [N, 8, 8], one for each of ``picture_times``."""
    smooth = F.interpolate(images.unsqueeze(1), scale_factor=4, mode="bicubic", align_corners=False).clamp(0, 1)
    pixel = torch.arange(SENSOR, dtype=images.dtype) - (SENSOR - 1) / 2
    base = torch.stack(torch.meshgrid(pixel, pixel, indexing="xy"), dim=-1)
    for time in picture_times():
        at = positions_at(paths, time / SACCADE).to(images.dtype)
        grid = (base - at[:, None, None, :]) / (DIGIT / 2)
        yield F.grid_sample(smooth, grid, align_corners=False).squeeze(1)


def picture_times() -> list[float]:
    """Return the times of the pictures, in microseconds."""
    return [step * SACCADE / STEPS for step in range(3 * STEPS + 1)]


def record(images: NDArray[np.float64], clockwise: NDArray[np.bool_], camera: Camera, seed: int) -> Recordings:
    """Return the events of the images [N, 8, 8] on their way round, in the order of the images."""
    random = np.random.RandomState(seed)
    parts = []
    for start in range(0, len(images), CHUNK):
        chosen = slice(start, start + CHUNK)
        paths = random_paths(clockwise[chosen], random)
        pictures = render_scenes(torch.from_numpy(images[chosen]).float(), paths)
        parts.append(record_events(camera, pictures, picture_times(), random))
    lengths = np.concatenate([np.diff(part.bounds) for part in parts])
    return Recordings(np.concatenate([part.events for part in parts]), np.concatenate([[0], np.cumsum(lengths)]))
