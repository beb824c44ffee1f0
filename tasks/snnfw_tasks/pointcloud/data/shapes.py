"""The embedded clouds: sixteen categories of objects with labelled parts, generated when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from snnfw_tasks.pointcloud.data.shapes_parts import CATEGORIES, PARTS
from snnfw_tasks.pointcloud.sources import Cloud, Clouds

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
"""Counts the changes to how clouds are generated, so that the cache never serves those of another version."""

COUNTS = {"train": 600, "calibration": 16, "test": 128}
"""The splits and their clouds of each category."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Objects of ShapeNet-Part's sixteen categories, built from simple solids at random, sampled and partly hidden."""

    name: ClassVar[str] = "shapes"
    tasks: ClassVar[tuple[str, ...]] = ("pointcloud",)

    points: Annotated[int, Field(ge=8, description="points of a cloud")] = 256
    rotation: Annotated[
        float, Field(ge=0, le=180, description="objects stand turned about the vertical by up to so many degrees")
    ] = 45.0
    occluded: Annotated[float, Field(ge=0, le=0.9, description="largest share of an object that is hidden")] = 0.5
    jitter: Annotated[float, Field(ge=0, description="deviation of a point's place; an object has radius 1")] = 0.02
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="of objects and points")] = 0

    def clouds(self) -> Clouds:
        """Return 9600 training, 256 calibration and 2048 test clouds."""
        return Clouds(
            categories=CATEGORIES,
            parts=PARTS,
            points=self.points,
            training=lambda: self.split("train"),
            calibration=self.split("calibration"),
            evaluation=self.split("test"),
            turn=self.rotation / 3,
        )

    def split(self, name: str) -> StoredClouds:
        """Return one split, from the cache where it is there."""
        from snnfw_tasks.pointcloud.data.shapes_draw import Difficulty, draw_split
        from snnfw_tasks.samples.cache import load_or_make

        difficulty = Difficulty(self.rotation, self.occluded, self.jitter)
        count, number = COUNTS[name], list(COUNTS).index(name)

        def make() -> Mapping[str, NDArray[Any]]:
            drawn = draw_split(count, self.points, difficulty, (self.seed, number))
            return dict(zip(("points", "categories", "parts"), drawn, strict=True))

        key = f"{self.name} {VERSION} {name} {count} {asdict(self)} {difficulty}"
        return StoredClouds(**load_or_make(key, make, "shapes", "clouds"))


@dataclass(frozen=True, slots=True)
class StoredClouds:
    """Clouds in memory: points [N, P, 3], categories [N] and parts [N, P], numbered within the category."""

    points: NDArray[Any]
    categories: NDArray[Any]
    parts: NDArray[Any]

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int) -> Cloud:
        import torch

        category = int(self.categories[index])
        parts = torch.as_tensor(self.parts[index]).long() + first_part(category)
        return Cloud(torch.as_tensor(self.points[index]), category, parts)


def first_part(category: int) -> int:
    """Return the number of a category's first part."""
    return sum(len(PARTS[name]) for name in CATEGORIES[:category])
