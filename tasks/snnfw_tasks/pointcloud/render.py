"""Pictures of coloured clouds without a display: by open3d where its renderer works, by matplotlib elsewhere."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Coloured = tuple[NDArray[np.float32], NDArray[np.float32]]

SIDE = 240
"""A picture's side in pixels."""
AZIMUTH, ELEVATION = 35.0, 25.0
"""Where the viewer stands, in degrees."""
PATIENCE = 60
"""Seconds after which open3d's renderer is given up."""


def render(clouds: Sequence[Coloured], up: int) -> list[NDArray[np.uint8]]:
    """Return a picture [H, W, 3] of each cloud, given as points and colours [P, 3], the axis ``up`` upwards."""
    seen = [(project(points, up), colours) for points, colours in clouds]
    if renderer_works() and (images := _by_open3d(seen)) is not None:
        return images
    return [_by_matplotlib(places, colours) for places, colours in seen]


def project(points: NDArray[np.float32], up: int) -> NDArray[np.float64]:
    """Return points [P, 3] as the viewer sees them: to the right, upwards, towards the viewer."""
    x, y, z = (points[:, axis % 3].astype(float) for axis in (up + 1, up + 2, up))
    azimuth, elevation = np.radians([AZIMUTH, ELEVATION])
    right = -np.sin(azimuth) * x + np.cos(azimuth) * y
    front = np.cos(azimuth) * x + np.sin(azimuth) * y
    above = np.cos(elevation) * z - np.sin(elevation) * front
    return np.stack([right, above, np.sin(elevation) * z + np.cos(elevation) * front], 1)


@cache
def renderer_works() -> bool:
    """Tell whether open3d can render here: tried in a process of its own, since without Vulkan it may end it."""
    return _by_open3d([(np.zeros((8, 3)), np.zeros((8, 3), np.float32))]) is not None


def _by_open3d(clouds: Sequence[tuple[NDArray[np.float64], NDArray[np.float32]]]) -> list[NDArray[np.uint8]] | None:
    """Return the pictures that open3d draws, or nothing where it cannot."""
    with tempfile.TemporaryDirectory(prefix="snnfw-") as folder:
        given, made = Path(folder) / "clouds.npz", Path(folder) / "images.npy"
        np.savez(given, places=np.stack([cloud for cloud, _ in clouds]), colours=np.stack([c for _, c in clouds]))
        words = [sys.executable, "-m", "snnfw_tasks.pointcloud.offscreen", str(given), str(made), str(SIDE)]
        try:
            subprocess.run(words, capture_output=True, timeout=PATIENCE, check=True)  # noqa: S603  # words of our own
            return list(np.load(made, allow_pickle=False))
        except (OSError, ValueError, subprocess.SubprocessError):
            return None


def _by_matplotlib(places: NDArray[np.float64], colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the points as discs, those behind first, smaller and paler."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    order = places[:, 2].argsort()
    near = ((places[order, 2] + 1) / 2).clip(0, 1)
    shown = 1 - (1 - colours[order]) * (0.55 + 0.45 * near[:, None])
    figure = Figure((2, 2), dpi=SIDE / 2)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), frameon=False, aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
    size = 14 * (256 / max(len(places), 64)) ** 0.5
    axes.scatter(places[order, 0], places[order, 1], s=size * (0.6 + 0.6 * near), c=shown, linewidths=0)
    axes.set_axis_off()
    written = io.BytesIO()
    canvas.print_raw(written)  # type: ignore[no-untyped-call]  # it has no annotations
    image: NDArray[np.uint8] = np.frombuffer(written.getvalue(), np.uint8).reshape(SIDE, SIDE, 4)[:, :, :3]
    return image
