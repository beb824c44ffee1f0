"""The detection task: its options, its embedded detectors and scenes, and the doors for ultralytics' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import Field

from snnfw import hookimpl, require_sources
from snnfw_tasks.detection.data.yolo import Yolo
from snnfw_tasks.detection.models.architectures import SpikeYoloModel, TinyYoloModel, YoloV2Model
from snnfw_tasks.detection.models.yolo import ScenesYoloRelu, ScenesYoloSilu, UltralyticsModel
from snnfw_tasks.detection.sources import DetectionData, DetectorSource, Gains
from snnfw_tasks.samples.options import ImageAmounts, Images
from snnfw_tasks.scenes.data import Scenes

if TYPE_CHECKING:
    from snnfw import Bundle, DataSource, ModelSource, Resources, Task


Gain: TypeAlias = Annotated[
    float | None, Field(ge=0, description="how much this part of the loss counts in a training; null: as is usual")
]


@dataclass(frozen=True, slots=True)
class Detection(ImageAmounts):
    """Boxes around objects, each with its class."""

    name: ClassVar[str] = "detection"
    default_model: ClassVar[str] = ScenesYoloRelu.name
    default_data: ClassVar[str] = Scenes.name
    defaults: ClassVar[Mapping[str, Any]] = {"timesteps": 8, "search": None, "exit": None}
    model_source: ClassVar[type] = DetectorSource
    data_source: ClassVar[type] = DetectionData
    trains: ClassVar[bool] = True
    without_data: ClassVar[tuple[str, ...]] = tuple(map(str, range(80)))

    calibration: Images = 128
    box: Gain = None
    cls: Gain = None
    dfl: Gain = None

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return the detector on ``resources.device``, checked batches on the CPU and ultralytics' own scores."""
        from snnfw_tasks.detection.library import require_ultralytics

        require_ultralytics()
        from snnfw_tasks.detection.bundle import make_bundle

        require_sources(self, model, data)
        return make_bundle(self, Gains(self.box, self.cls, self.dfl), model, data, resources)


@hookimpl
def snnfw_register_tasks() -> tuple[type[Task], ...]:
    """Offer the task."""
    return (Detection,)


@hookimpl
def snnfw_register_models() -> tuple[type[ModelSource], ...]:
    """Offer the embedded detectors, ultralytics' own, and architectures of papers."""
    return (ScenesYoloRelu, ScenesYoloSilu, UltralyticsModel, SpikeYoloModel, YoloV2Model, TinyYoloModel)


@hookimpl
def snnfw_register_data() -> tuple[type[DataSource], ...]:
    """Offer the embedded scenes and the data sets read from disk."""
    return (Scenes, Yolo)
