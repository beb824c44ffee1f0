"""Points as networks want them: so many, different, finite, centred, within radius 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw import SnnfwError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Places = NDArray[np.float64]


def centre_and_scale(places: Places) -> Places:
    """Return points [P, 3] with their mean in the origin and the farthest at distance 1."""
    centred: Places = places - places.mean(0)
    return centred / max(float(np.linalg.norm(centred, axis=1).max()), 1e-9)


def require_points(places: Places, file: Path) -> None:
    """Raise an SnnfwError that names the file unless it holds two or more different, finite points."""
    if len(places) == 0:
        raise SnnfwError(f"'{file}' holds no points: repair or remove it.")
    if not np.isfinite(places).all():
        first = int((~np.isfinite(places)).any(1).argmax())
        raise SnnfwError(f"'{file}' has NaN or infinity in point {first}: repair or remove it.")
    if len(places) == 1:
        raise SnnfwError(f"'{file}' holds 1 point: a cloud needs 2 or more, so remove it.")
    if (places == places[0]).all():
        raise SnnfwError(
            f"all {len(places)} points of '{file}' lie in one place: a cloud needs 2 or more, so remove it."
        )


def choose_indices(count: int, points: int, random: np.random.Generator) -> NDArray[Any]:
    """Return ``points`` of the indices below ``count``: a random selection, or all of them and random ones again.

    Points that come twice change no maximum over points.
    """
    if count >= points:
        return random.permutation(count)[:points]
    return np.concatenate([np.arange(count), random.integers(count, size=points - count)])
