"""The point cloud task: its options, its embedded network and clouds, and the doors for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from snnfw import hookimpl, require_sources
from snnfw_tasks.pointcloud.data.folders import CloudFolders
from snnfw_tasks.pointcloud.data.modelnet import ModelNet40
from snnfw_tasks.pointcloud.data.shapenet import ShapeNetPart
from snnfw_tasks.pointcloud.data.shapes import Shapes
from snnfw_tasks.pointcloud.models.pointnet import PointNetModel, PointNetShapes
from snnfw_tasks.pointcloud.sources import CloudData, Head, HeadName, PointNetwork
from snnfw_tasks.samples.options import Amounts

if TYPE_CHECKING:
    from snnfw import Bundle, DataSource, ModelSource, Resources, Task


@dataclass(frozen=True, slots=True)
class PointCloud(Amounts):
    """One label per cloud of points, or one per point."""

    name: ClassVar[str] = "pointcloud"
    default_model: ClassVar[str] = PointNetShapes.name
    default_data: ClassVar[str] = Shapes.name
    defaults: ClassVar[Mapping[str, Any]] = {"timesteps": 16, "search": None, "exit": None}
    model_source: ClassVar[type] = PointNetwork
    data_source: ClassVar[type] = CloudData
    trains: ClassVar[bool] = True
    without_data: ClassVar[Head] = Head("cls", 40, 0)

    batch: Annotated[int, Field(ge=1, description="clouds per batch")] = 64
    calibration: Annotated[
        int, Field(ge=1, description="calibrate with at most so many clouds, drawn with the seed")
    ] = 64
    limit: Annotated[
        int | None,
        Field(ge=1, description="test on so many clouds, the same ones in every run; null for all of them"),
    ] = 512

    head: Annotated[HeadName, Field(description="cls tells the category of a cloud, parts the part of each point")] = (
        "cls"
    )

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return the network on ``resources.device``, checked batches on the CPU and the head's scorer."""
        from snnfw_tasks.pointcloud.bundle import make_bundle

        require_sources(self, model, data)
        return make_bundle(self, self.head, model, data, resources)


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
