"""Points on the surfaces of random objects, with the part that each belongs to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from snnfw_tasks.pointcloud.data import shapes_furniture, shapes_vehicles
from snnfw_tasks.pointcloud.data.points import centre_and_scale
from snnfw_tasks.pointcloud.data.shapes_parts import CATEGORIES, PARTS
from snnfw_tasks.pointcloud.library import require_open3d

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from snnfw_tasks.pointcloud.data.shapes_meshes import Mesh

    Clouds = tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint8]]

SPARE = 2
"""At least so many times the points are sampled before some are hidden."""


@dataclass(frozen=True, slots=True)
class Difficulty:
    """What makes objects hard to tell.

    ``rotation`` is the largest angle about the vertical and ``tilt`` about the other axes, in degrees; ``stretch`` the
    largest change of one axis' scale; ``occluded`` the largest share of the surface that is hidden; ``jitter`` the
    deviation of a point's place, the object having radius 1.
    """

    rotation: float
    occluded: float
    jitter: float
    tilt: float = 15.0
    stretch: float = 0.25


def draw_split(counts: int, points: int, difficulty: Difficulty, seed: Sequence[int]) -> Clouds:
    """Return ``counts`` objects of each category: points [N, P, 3], categories [N] and parts [N, P].

    Categories take turns, so that the first objects are of every one.
    """
    categories = np.tile(np.arange(len(CATEGORIES), dtype=np.uint8), counts)
    drawn = [draw_object(CATEGORIES[c], points, difficulty, [*seed, index]) for index, c in enumerate(categories)]
    places, parts = zip(*drawn, strict=True)
    return np.stack(places), categories, np.stack(parts)


def draw_object(
    category: str, points: int, difficulty: Difficulty, seed: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return one object's points [P, 3], centred and within radius 1, and the number of each one's part [P]."""
    random = np.random.default_rng(seed)
    require_open3d().utility.random.seed(int(random.integers(2**31)))
    spare = max(SPARE, math.ceil(1 / (1 - difficulty.occluded)))
    places, parts = sample_object(category, build_object(category, random), spare * points)
    keep = visible_points(places, difficulty.occluded * random.random(), random)
    keep = random.permutation(keep)[:points]
    moved = places[keep] @ random_pose(difficulty, random)
    moved = centre_and_scale(moved) + random.normal(0, difficulty.jitter, moved.shape)
    return centre_and_scale(moved).astype(np.float32), parts[keep]


def build_object(category: str, random: np.random.Generator) -> dict[str, list[Mesh]]:
    """Return the meshes of an object's parts."""
    module = shapes_vehicles if hasattr(shapes_vehicles, category) else shapes_furniture
    build: Callable[[Callable[[float, float], float]], dict[str, list[Mesh]]] = getattr(module, category)
    return build(lambda low, high: float(random.uniform(low, high)))


def sample_object(
    category: str, solids: dict[str, list[Mesh]], points: int
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return points on all parts and their parts' numbers; small parts get more than their area's share."""
    meshes = [(PARTS[category].index(part), reduce(add, pieces)) for part, pieces in solids.items()]
    weights = np.array([mesh.get_surface_area() for _, mesh in meshes]) ** 0.7
    shares = np.maximum(1, np.round(points * weights / weights.sum()).astype(int))
    shares[shares.argmax()] += points - shares.sum()
    places = [
        np.asarray(mesh.sample_points_uniformly(int(share)).points)
        for (_, mesh), share in zip(meshes, shares, strict=True)
    ]
    return np.concatenate(places), np.repeat([part for part, _ in meshes], shares).astype(np.uint8)


def visible_points(places: NDArray[np.float64], hidden: float, random: np.random.Generator) -> NDArray[np.intp]:
    """Return the indices of the points outside the ball around a random one of them that holds a share of them."""
    middle = places[random.integers(len(places))]
    order = np.linalg.norm(places - middle, axis=1).argsort()
    seen: NDArray[np.intp] = order[round(hidden * len(places)) :]
    return seen


def random_pose(difficulty: Difficulty, random: np.random.Generator) -> NDArray[np.float64]:
    """Return the matrix [3, 3] that a row of coordinates is multiplied by: stretched, turned and tilted."""
    limits = np.radians([difficulty.tilt, difficulty.tilt, difficulty.rotation])
    angles = random.uniform(-limits, limits)
    turn = require_open3d().geometry.get_rotation_matrix_from_xyz(angles)
    matrix: NDArray[np.float64] = np.diag(random.uniform(1 - difficulty.stretch, 1 + difficulty.stretch, 3)) @ turn.T
    return matrix
