"""The event task: its options, its embedded recordings and network, and the doors for others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw import hookimpl, require_sources
from snnfw_tasks.events.data.digits import MovingDigits
from snnfw_tasks.events.data.published import ActionRecognition, Cifar10Dvs, DvsGesture, NCaltech101, NCars
from snnfw_tasks.events.models.small import EventsSmall
from snnfw_tasks.samples.labelled import ClassifierData, ClassifierSource
from snnfw_tasks.samples.options import Amounts

if TYPE_CHECKING:
    from snnfw import Bundle, DataSource, ModelSource, Resources, Task


@dataclass(frozen=True, slots=True)
class Events(Amounts):
    """One label per recording of an event camera."""

    name: ClassVar[str] = "events"
    default_model: ClassVar[str] = EventsSmall.name
    default_data: ClassVar[str] = MovingDigits.name
    model_source: ClassVar[type] = ClassifierSource
    data_source: ClassVar[type] = ClassifierData
    trains: ClassVar[bool] = True
    without_data: ClassVar[int] = 10

    batch: Annotated[int, Field(ge=1, description="recordings per batch; frames per batch of calibration")] = 128
    calibration: Annotated[
        int, Field(ge=1, description="calibrate with at most so many recordings, drawn with the seed")
    ] = 64
    limit: Annotated[
        int | None,
        Field(ge=1, description="test on so many recordings, the same ones in every run; without it, on all"),
    ] = None

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return the network on ``resources.device``, checked batches on the CPU and the accuracy scorer."""
        from snnfw_tasks.events.pictures import LOOK
        from snnfw_tasks.samples.classifier import make_bundle

        require_sources(self, model, data)
        return make_bundle(self, self.name, model, data, resources, LOOK)


@hookimpl
def snnfw_register_tasks() -> tuple[type[Task], ...]:
    """Offer the task."""
    return (Events,)


@hookimpl
def snnfw_register_models() -> tuple[type[ModelSource], ...]:
    """Offer the small network for frames of events."""
    return (EventsSmall,)


@hookimpl
def snnfw_register_data() -> tuple[type[DataSource], ...]:
    """Offer the embedded recordings and the data sets read from disk."""
    return (MovingDigits, Cifar10Dvs, NCaltech101, NCars, DvsGesture, ActionRecognition)
