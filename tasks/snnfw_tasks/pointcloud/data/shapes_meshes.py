"""Simple solids as open3d's triangle meshes, put where they belong: x forward, y to the side, z up."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from snnfw_tasks.pointcloud.library import require_open3d

if TYPE_CHECKING:
    from collections.abc import Sequence

Mesh: TypeAlias = Any
"""An open3d.geometry.TriangleMesh; open3d carries no annotations."""
Place: TypeAlias = "tuple[float, float, float]"

ORIGIN: Place = (0.0, 0.0, 0.0)
ROUND = 16
"""Corners of a circle."""


def box(size: Place, at: Place = ORIGIN) -> Mesh:
    """Return a box of a size around a place."""
    mesh = require_open3d().geometry.TriangleMesh.create_box(*size)
    return mesh.translate([middle - extent / 2 for middle, extent in zip(at, size, strict=True)])


def cylinder(radius: float, length: float, at: Place = ORIGIN, axis: str = "z") -> Mesh:
    """Return a cylinder around a place, along an axis."""
    mesh = require_open3d().geometry.TriangleMesh.create_cylinder(radius, length, ROUND, 1)
    return _along(mesh, axis).translate(at)


def cone(radius: float, length: float, at: Place = ORIGIN, axis: str = "z") -> Mesh:
    """Return a cone that stands on a place and points along an axis."""
    mesh = require_open3d().geometry.TriangleMesh.create_cone(radius, length, ROUND, 1)
    return _along(mesh, axis).translate(at)


def ball(radius: float, at: Place = ORIGIN, stretch: Place = (1.0, 1.0, 1.0)) -> Mesh:
    """Return a sphere around a place, each axis stretched by a factor."""
    mesh = require_open3d().geometry.TriangleMesh.create_sphere(radius, ROUND // 2)
    return stretch_mesh(mesh, stretch).translate(at)


def ring(radius: float, thickness: float, at: Place = ORIGIN, axis: str = "z") -> Mesh:
    """Return a torus around a place whose hole looks along an axis."""
    mesh = require_open3d().geometry.TriangleMesh.create_torus(radius, thickness, ROUND, 8)
    return _along(mesh, axis).translate(at)


def tube(points: Sequence[Place], radius: float) -> list[Mesh]:
    """Return a bent tube through the points, as one cylinder from each to the next."""
    return [strut(start, end, radius) for start, end in pairwise(points)]


def strut(start: Place, end: Place, radius: float) -> Mesh:
    """Return a cylinder from one place to another."""
    along = [b - a for a, b in zip(start, end, strict=True)]
    length = math.hypot(*along)
    mesh = require_open3d().geometry.TriangleMesh.create_cylinder(radius, length, 8, 1)
    turn = (0.0, math.acos(along[2] / length), math.atan2(along[1], along[0]))
    return turn_mesh(mesh, turn).translate([(a + b) / 2 for a, b in zip(start, end, strict=True)])


def funnel(lower: float, upper: float, height: float, at: Place = ORIGIN) -> Mesh:
    """Return an open cone's wall around a place, of one radius below and another above."""
    open3d = require_open3d()
    rims = [
        (radius * math.cos(angle), radius * math.sin(angle), z)
        for radius, z in ((lower, -height / 2), (upper, height / 2))
        for angle in (2 * math.pi * step / ROUND for step in range(ROUND))
    ]
    faces = []
    for step in range(ROUND):
        after = (step + 1) % ROUND
        faces += [(step, after, ROUND + step), (after, ROUND + after, ROUND + step)]
    mesh = open3d.geometry.TriangleMesh(open3d.utility.Vector3dVector(rims), open3d.utility.Vector3iVector(faces))
    return mesh.translate(at)


def disc(radius: float, at: Place = ORIGIN) -> Mesh:
    """Return a thin round plate around a place."""
    return cylinder(radius, 0.01, at)


def arc(radius: float, begin: float, end: float, thickness: float, at: Place = ORIGIN) -> list[Mesh]:
    """Return a bow in the plane of y and z around a place, from one angle to another, counted from y."""
    angles = [begin + (end - begin) * step / 8 for step in range(9)]
    places = [(at[0], at[1] + radius * math.cos(angle), at[2] + radius * math.sin(angle)) for angle in angles]
    return tube(places, thickness)


def turn_mesh(mesh: Mesh, angles: Place, about: Place = ORIGIN) -> Mesh:
    """Turn a mesh about x, then y, then z, in radians, around a place; return it."""
    return mesh.rotate(require_open3d().geometry.get_rotation_matrix_from_zyx(angles[::-1]), about)


def stretch_mesh(mesh: Mesh, factors: Place) -> Mesh:
    """Stretch a mesh along the axes; return it."""
    x, y, z = factors
    return mesh.transform([[x, 0, 0, 0], [0, y, 0, 0], [0, 0, z, 0], [0, 0, 0, 1]])


def _along(mesh: Mesh, axis: str) -> Mesh:
    quarter = math.pi / 2
    return turn_mesh(mesh, {"x": (0.0, quarter, 0.0), "y": (-quarter, 0.0, 0.0), "z": ORIGIN}[axis])
