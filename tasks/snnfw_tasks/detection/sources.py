"""What the detection task asks of its sources: images with boxes in splits, and a detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from snnfw import DataSource, ModelSource

if TYPE_CHECKING:
    from snnfw import Resources
    from snnfw_tasks.samples.boxed import Splits


@dataclass(frozen=True, slots=True)
class Detector:
    """A network of ultralytics' with the names of its classes and the side in pixels of the images it was made for."""

    network: Any
    names: tuple[str, ...]
    side: int


class DetectionData(DataSource, Protocol):
    """A data source that the detection task can use."""

    def open(self) -> Splits:
        """Return where the images are."""
        ...


class DetectorSource(ModelSource, Protocol):
    """A model source that the detection task can use."""

    def build(self, names: tuple[str, ...], resources: Resources, /) -> Detector:
        """Return the network with its weights, for classes of these names where the source leaves the choice."""
        ...
