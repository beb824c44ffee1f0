"""Clouds from meshes and points in any format that open3d reads."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw import SnnfwError
from snnfw_tasks.pointcloud.data.points import centre_and_scale, choose_indices, require_points
from snnfw_tasks.pointcloud.data.whole import check_file, require_whole
from snnfw_tasks.pointcloud.library import require_open3d
from snnfw_tasks.pointcloud.sources import Cloud
from snnfw_tasks.samples.reading import list_by_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snnfw_tasks.pointcloud.data.points import Places
    from snnfw_tasks.samples.reading import LeftOut

MESHES = (".obj", ".off", ".stl", ".gltf", ".glb", ".fbx")
"""Formats of surfaces alone."""
POINTS = (".pcd", ".xyz", ".xyzn", ".xyzrgb", ".pts")
"""Formats of points alone; .ply holds either."""
SUFFIXES = (".ply", *MESHES, *POINTS)


@dataclass(frozen=True, slots=True)
class FileClouds:
    """Clouds that are read when they are asked for, each file always sampled alike."""

    files: Sequence[tuple[Path, int]]
    points: int

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Cloud:
        import torch

        file, category = self.files[index]
        places = centre_and_scale(read_places(file, self.points, np.random.default_rng(index)))
        return Cloud(torch.as_tensor(places).float(), category, None)


def list_clouds(
    data: str, split: Path, categories: Sequence[str], inside: str = ""
) -> tuple[list[tuple[Path, int]], LeftOut]:
    """Return a split's files in a fixed order, at least one of every category, and what is no cloud."""
    files, left_out = list_by_class(split, categories, SUFFIXES, inside)
    present = {number for _, number in files}
    for number, category in enumerate(categories):
        if number not in present:
            raise SnnfwError(
                f"data '{data}' has no cloud of the category '{category}' in '{split / category / inside}': every "
                f"split needs every category, in files that end in {', '.join(SUFFIXES)}."
            )
    return [(Path(file), number) for file, number in files], left_out


def read_places(file: Path, points: int, random: np.random.Generator) -> Places:
    """Return ``points`` points of a file, sampled on its surface where it has one, or raise an SnnfwError naming it."""
    suffix = file.suffix.lower()
    if not file.is_file():
        raise SnnfwError(f"'{file}' does not exist: check the path.")
    triangles = check_file(file)
    mesh = None if suffix in POINTS else _mesh(file)
    if mesh is not None and (mesh.has_triangles() or suffix in MESHES):
        return sample_surface(mesh, triangles, file, points, random)
    cloud = require_open3d().io.read_point_cloud(str(file), remove_nan_points=False, remove_infinite_points=False)
    places = np.asarray(cloud.points)
    require_whole(file, len(places))
    if len(places) == 0:
        raise SnnfwError(
            f"'{file}' cannot be read or holds no points: see that it is a whole {suffix} file, or remove it."
        )
    require_points(places, file)
    some: Places = places[choose_indices(len(places), points, random)]
    return some


def sample_surface(mesh: Any, triangles: int | None, file: Path, points: int, random: np.random.Generator) -> Places:
    """Return points on a mesh's surface, which is of so many triangles where the file says so."""
    if not mesh.has_triangles():
        raise SnnfwError(
            f"'{file}' cannot be read as a mesh with faces: see that it is a whole {file.suffix.lower()} file, "
            "or save its points as .ply, .pcd or .xyz."
        )
    if triangles and len(mesh.triangles) < triangles:
        raise SnnfwError(
            f"'{file}' has faces of {triangles} triangles and {len(mesh.triangles)} can be read: repair or remove it."
        )
    require_points(np.asarray(mesh.vertices), file)
    corners = np.asarray(mesh.triangles)
    if corners.min() < 0 or corners.max() >= len(mesh.vertices):
        raise SnnfwError(f"a face of '{file}' names a point that is not there: repair or remove the file.")
    if not mesh.get_surface_area() > 0:
        raise SnnfwError(f"the faces of '{file}' have no area, so there is nothing to sample: repair or remove it.")
    require_open3d().utility.random.seed(int(random.integers(2**31)))
    return np.asarray(mesh.sample_points_uniformly(points).points)


def _mesh(file: Path) -> Any:
    read = require_open3d().io.read_triangle_mesh
    if file.suffix.lower() != ".off":
        return read(str(file))
    content = file.read_bytes()
    if not content.startswith(b"OFF") or content[3:4] in (b"\n", b"\r", b""):
        return read(str(file))
    # Some of ModelNet's files have no line break after OFF.
    with tempfile.TemporaryDirectory(prefix="snnfw-") as scratch:
        mended = Path(scratch) / file.name
        mended.write_bytes(b"OFF\n" + content[3:])
        return read(str(mended))
