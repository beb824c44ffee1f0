"""PointNet as model sources: with the weights that come with the package, and in any width with others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from snnfw_tasks.networks.shipped import shipped_weights
from snnfw_tasks.pointcloud.data.shapes_parts import PARTS
from snnfw_tasks.pointcloud.sources import Head

if TYPE_CHECKING:
    from torch import nn

    from snnfw import Resources
    from snnfw_tasks.pointcloud.sources import HeadName


EMBEDDED_WIDTH = 0.25
EMBEDDED_FEATURES = 256


@dataclass(frozen=True, slots=True)
class PointNetShapes:
    """A PointNet a quarter as wide as the paper's, trained on the embedded clouds, for either head."""

    name: ClassVar[str] = "pointnet-shapes"
    tasks: ClassVar[tuple[str, ...]] = ("pointcloud",)

    weights: Annotated[Path | None, Field(description="a .safetensors or .pth file instead of the shipped one")] = None

    def build(self, head: Head, resources: Resources) -> nn.Module:
        """Return the network for the embedded data's sixteen categories or fifty parts."""
        del resources  # what was trained is fixed
        from snnfw_tasks.networks.checkpoint import load_weights

        module = build_embedded(head.name)
        load_weights(module, self.weights or shipped_weights(f"pointnet-{head.name}"))
        return module


@dataclass(frozen=True, slots=True)
class PointNetModel:
    """A PointNet of any width, with weights of yours or with random ones."""

    name: ClassVar[str] = "pointnet"
    tasks: ClassVar[tuple[str, ...]] = ("pointcloud",)

    width: Annotated[float, Field(gt=0, description="factor for the paper's numbers of channels")] = 1.0
    features: Annotated[
        int | None, Field(ge=1, description="channels before the maximum; without it the paper's times the width")
    ] = None
    pool: Annotated[Literal["max", "mean"], Field(description="what is taken over all points")] = "max"
    transforms: Annotated[bool, Field(description="predict transforms of points and features (T-Nets)")] = True
    weights: Annotated[Path | None, Field(description="a .safetensors or .pth file; without it random")] = None

    def build(self, head: Head, resources: Resources) -> nn.Module:
        """Return the network."""
        from snnfw_tasks.networks.checkpoint import build_seeded, load_weights

        module = build_seeded(lambda: self._made(head), resources.seed)
        if self.weights:
            load_weights(module, self.weights)
        return module

    def _made(self, head: Head) -> nn.Module:
        from snnfw_tasks.pointcloud.models.pointnet_network import PartPointNet, PointNet

        if head.name == "cls":
            return PointNet(head.outputs, self.width, self.features, self.pool, self.transforms)
        return PartPointNet(head.outputs, head.categories, self.width, self.features, self.pool, self.transforms)


def build_embedded(head: HeadName) -> nn.Module:
    """Return the architecture of the shipped weights with fresh random ones, as training starts from."""
    from snnfw_tasks.pointcloud.models.pointnet_network import PartPointNet, PointNet

    if head == "cls":
        return PointNet(len(PARTS), EMBEDDED_WIDTH, EMBEDDED_FEATURES)
    return PartPointNet(sum(map(len, PARTS.values())), len(PARTS), EMBEDDED_WIDTH, EMBEDDED_FEATURES)
