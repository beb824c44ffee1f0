"""The event task: its options, its embedded recordings and network, and the doors for others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw.hookspecs import hookimpl
from snnfw_tasks.datasets.events import Cifar10Dvs, DvsGesture, NCaltech101, NCars
from snnfw_tasks.datasets.events_digits import MovingDigits
from snnfw_tasks.labelled import classifying
from snnfw_tasks.models.events import EventsSmall

if TYPE_CHECKING:
    from snnfw.contracts import DataSource, ModelSource, Task
    from snnfw.values import Bundle, Resources


@dataclass(frozen=True, slots=True)
class Events:
    """One label per recording of an event camera."""

    name: ClassVar[str] = "events"
    default_model: ClassVar[str] = EventsSmall.name
    default_data: ClassVar[str] = MovingDigits.name

    batch: Annotated[int, Field(ge=1, description="recordings per batch; frames per batch of calibration")] = 128
    calibration: Annotated[
        int, Field(ge=1, description="calibrate with at most so many recordings, drawn with the seed")
    ] = 64
    limit: Annotated[
        int | None,
        Field(ge=1, description="test on so many recordings, the same ones in every run; without it, on all"),
    ] = None
    workers: Annotated[int, Field(ge=0, description="processes that read files beside the main one")] = 0

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return the network on ``resources.device``, checked batches on the CPU and the accuracy scorer."""
        from snnfw_tasks.classifier_bundle import bundle

        return bundle(self, *classifying(self.name, model, data), resources)


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
    return (MovingDigits, Cifar10Dvs, NCaltech101, NCars, DvsGesture)
