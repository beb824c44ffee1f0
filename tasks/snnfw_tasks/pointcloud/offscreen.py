"""Render clouds with open3d in a process of its own: ``python -m snnfw_tasks.pointcloud.offscreen IN OUT SIDE``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def main(words: Sequence[str]) -> None:
    """Read places and colours [N, P, 3], write pictures [N, side, side, 3]."""
    given, made, side = words[0], words[1], int(words[2])
    with np.load(given, allow_pickle=False) as content:
        np.save(made, render_clouds(content["places"], content["colours"], side))


def render_clouds(places: NDArray[np.float64], colours: NDArray[np.float32], side: int) -> NDArray[np.uint8]:
    """Return a picture of each cloud, seen along its third axis."""
    import open3d

    renderer = open3d.visualization.rendering.OffscreenRenderer(side, side)
    renderer.scene.set_background([1.0, 1.0, 1.0, 1.0])
    material = open3d.visualization.rendering.MaterialRecord()
    material.shader, material.point_size = "defaultUnlit", side / 40
    images = []
    for some, colour in zip(places, colours, strict=True):
        cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(some))
        cloud.colors = open3d.utility.Vector3dVector(colour.astype(float))
        renderer.scene.clear_geometry()
        renderer.scene.add_geometry("cloud", cloud, material)
        renderer.setup_camera(40.0, [0.0, 0.0, 0.0], [0.0, 0.0, 3.2], [0.0, 1.0, 0.0])
        images.append(np.asarray(renderer.render_to_image())[:, :, :3].copy())
    return np.stack(images)


if __name__ == "__main__":
    main(sys.argv[1:])
