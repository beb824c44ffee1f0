"""The point cloud task: its options, its embedded network and clouds, and the doors for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from snnfw.hookspecs import hookimpl
from snnfw_tasks.datasets.clouds import CloudFolders
from snnfw_tasks.datasets.modelnet import ModelNet40
from snnfw_tasks.datasets.shapenet import ShapeNetPart
from snnfw_tasks.datasets.shapes import Shapes
from snnfw_tasks.models.pointnet import PointNetModel, PointNetShapes
from snnfw_tasks.pointcloud_sources import HeadName, cloud_sources

if TYPE_CHECKING:
    from snnfw.contracts import DataSource, ModelSource, Task
    from snnfw.values import Bundle, Resources


@dataclass(frozen=True, slots=True)
class PointCloud:
    """One label per cloud of points, or one per point."""

    name: ClassVar[str] = "pointcloud"
    default_model: ClassVar[str] = PointNetShapes.name
    default_data: ClassVar[str] = Shapes.name
    defaults: ClassVar[Mapping[str, Any]] = {"timesteps": 16, "search": None, "exit": None}

    head: Annotated[HeadName, Field(description="cls tells the category of a cloud, parts the part of each point")] = (
        "cls"
    )
    batch: Annotated[int, Field(ge=1, description="clouds per batch")] = 64
    calibration: Annotated[
        int, Field(ge=1, description="calibrate with at most so many clouds, drawn with the seed")
    ] = 64
    limit: Annotated[
        int | None,
        Field(ge=1, description="test on so many clouds, the same ones in every run; null for all of them"),
    ] = 512
    workers: Annotated[int, Field(ge=0, description="processes that read files beside the main one")] = 0

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return the network on ``resources.device``, checked batches on the CPU and the head's scorer."""
        from snnfw_tasks.pointcloud_bundle import bundle

        return bundle(self, *cloud_sources(self.name, model, data), resources)


@hookimpl
def snnfw_register_tasks() -> tuple[type[Task], ...]:
    """Offer the task."""
    return (PointCloud,)


@hookimpl
def snnfw_register_models() -> tuple[type[ModelSource], ...]:
    """Offer PointNet, with the shipped weights and without."""
    return (PointNetShapes, PointNetModel)


@hookimpl
def snnfw_register_data() -> tuple[type[DataSource], ...]:
    """Offer the embedded clouds and the data sets read from disk."""
    return (Shapes, ShapeNetPart, ModelNet40, CloudFolders)
