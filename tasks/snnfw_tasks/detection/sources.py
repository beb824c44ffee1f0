"""What the detection task asks of its sources: images with boxes in splits, and a detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from snnfw.contracts import DataSource, ModelSource
    from snnfw.values import Resources
    from snnfw_tasks.samples.boxed import Splits


@dataclass(frozen=True, slots=True)
class Detector:
    """A network of ultralytics' with the names of its classes and the side in pixels of the images it was made for."""

    network: Any
    names: tuple[str, ...]
    side: int


@runtime_checkable
class DetectionData(Protocol):
    """A data source that the detection task can use."""

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]

    def splits(self) -> Splits:
        """Return where the images are."""
        ...


@runtime_checkable
class DetectorSource(Protocol):
    """A model source that the detection task can use."""

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]

    def detector(self, names: tuple[str, ...], resources: Resources) -> Detector:
        """Return the network with its weights, for classes of these names where the source leaves the choice."""
        ...


def require_detection_sources(model: ModelSource, data: DataSource) -> tuple[DetectorSource, DetectionData]:
    """Return both as sources of detection, or raise an SnnfwError that says what one of them lacks."""
    if not isinstance(model, DetectorSource):
        raise SnnfwError(f"model '{model.name}' is not for task 'detection': detector is missing.")
    if not isinstance(data, DetectionData):
        raise SnnfwError(f"data '{data.name}' is not for task 'detection': splits is missing.")
    return model, data
