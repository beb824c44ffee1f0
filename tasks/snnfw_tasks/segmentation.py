"""The segmentation task: its options, its embedded network and scenes, and the doors for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from snnfw.hookspecs import hookimpl
from snnfw_tasks.datasets.detection import Scenes
from snnfw_tasks.datasets.segmentation import Coco, Masks, Voc
from snnfw_tasks.masked import segmenting
from snnfw_tasks.models.scenes_segmentation import ScenesFcnModel

if TYPE_CHECKING:
    from snnfw.contracts import DataSource, ModelSource, Task
    from snnfw.values import Bundle, Resources


@dataclass(frozen=True, slots=True)
class Segmentation:
    """One label per pixel."""

    name: ClassVar[str] = "segmentation"
    default_model: ClassVar[str] = ScenesFcnModel.name
    default_data: ClassVar[str] = Scenes.name
    defaults: ClassVar[Mapping[str, Any]] = {"timesteps": 8, "search": None, "exit": None}

    batch: Annotated[int, Field(ge=1, description="images per batch")] = 32
    calibration: Annotated[
        int, Field(ge=1, description="calibrate with at most so many images, drawn with the seed")
    ] = 64
    limit: Annotated[
        int | None,
        Field(ge=1, description="test on so many images, the same ones in every run; without it, on all"),
    ] = None
    workers: Annotated[int, Field(ge=0, description="processes that read files beside the main one")] = 0

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return the network on ``resources.device``, checked batches on the CPU and the scorer of pixels."""
        from snnfw_tasks.segmentation_bundle import bundle

        return bundle(self, *segmenting(self.name, model, data), resources)


@hookimpl
def snnfw_register_tasks() -> tuple[type[Task], ...]:
    """Offer the task."""
    return (Segmentation,)


@hookimpl
def snnfw_register_models() -> tuple[type[ModelSource], ...]:
    """Offer the embedded network; torchvision's come with the classification task."""
    return (ScenesFcnModel,)


@hookimpl
def snnfw_register_data() -> tuple[type[DataSource], ...]:
    """Offer the data sets read from disk; the scenes come with the detection task."""
    return (Voc, Coco, Masks)
