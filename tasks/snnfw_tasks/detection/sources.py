"""What the detection task asks of its sources: images with boxes in splits, and a detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from snnfw import DataSource, ModelSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from snnfw import Resources
    from snnfw_tasks.samples.boxed import Splits


@dataclass(frozen=True, slots=True)
class Grids:
    """What ultralytics' loss asks of a head: its number of classes, the bins of a distance, and its grids' strides."""

    classes: int
    bins: int
    strides: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Detector:
    """A network with the names of its classes and the side in pixels of the images it was made for.

    It returns what ultralytics' do in eval mode, and has their ``stride`` (the strides of its grids, a tensor). Where
    it can be trained, ``grids`` say how its head divides an image, and ``settle`` sets the biases of a head that was
    initialised anew; where it cannot, ``untrainable`` is a sentence that says why. ``merge`` puts together what is kept
    apart for training alone.
    """

    network: Any
    names: tuple[str, ...]
    side: int
    grids: Grids | None = None
    settle: Callable[[], None] | None = None
    untrainable: str | None = None
    merge: Callable[[], None] | None = None


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
