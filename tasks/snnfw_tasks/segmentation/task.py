"""The segmentation task: its options, its embedded network and scenes, and the doors for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from snnfw import hookimpl, require_sources
from snnfw_tasks.samples.labelled import ClassifierSource
from snnfw_tasks.samples.options import ImageAmounts
from snnfw_tasks.scenes.data import Scenes
from snnfw_tasks.segmentation.data.coco import Coco
from snnfw_tasks.segmentation.data.folders import Masks
from snnfw_tasks.segmentation.data.voc import Voc
from snnfw_tasks.segmentation.models.scenes import ScenesFcnModel
from snnfw_tasks.segmentation.sources import MaskedData

if TYPE_CHECKING:
    from snnfw import Bundle, DataSource, ModelSource, Resources, Task


@dataclass(frozen=True, slots=True)
class Segmentation(ImageAmounts):
    """One label per pixel."""

    name: ClassVar[str] = "segmentation"
    default_model: ClassVar[str] = ScenesFcnModel.name
    default_data: ClassVar[str] = Scenes.name
    defaults: ClassVar[Mapping[str, Any]] = {"timesteps": 8, "search": None, "exit": None}
    model_source: ClassVar[type] = ClassifierSource
    data_source: ClassVar[type] = MaskedData
    trains: ClassVar[bool] = True
    without_data: ClassVar[int] = 21

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return the network on ``resources.device``, checked batches on the CPU and the scorer of pixels."""
        from snnfw_tasks.segmentation.bundle import make_bundle

        require_sources(self, model, data)
        return make_bundle(self, model, data, resources)


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
