"""What the detection task asks of its sources: images with boxes in splits, and a detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from snnfw import DataSource, ModelSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from snnfw import Output, Resources
    from snnfw_tasks.detection.batches import Truths
    from snnfw_tasks.samples.boxed import Splits

Loss: TypeAlias = "Callable[[Output, Truths, float], Tensor]"
"""Return the loss of an output, given what is in the images and how much labels are smoothed."""


@dataclass(frozen=True, slots=True)
class Gains:
    """How much each part of a loss counts, where something else is said than is usual for it.

    ``box`` is where boxes are, ``cls`` what they hold, ``dfl`` the distribution that their sides are read from.
    """

    box: float | None = None
    cls: float | None = None
    dfl: float | None = None


@dataclass(frozen=True, slots=True)
class Detector:
    """A network with the names of its classes and the side in pixels of the images it was made for.

    It returns what ultralytics' do in eval mode, and has their ``stride`` (the strides of its grids, a tensor). Where
    it can be trained, ``loss`` makes the loss of its outputs, and ``settle`` sets the biases of a head that was
    initialised anew; where it cannot, ``untrainable`` is a sentence that says why. ``merge`` puts together what is kept
    apart for training alone.
    """

    network: Any
    names: tuple[str, ...]
    side: int
    loss: Callable[[Gains], Loss] | None = None
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
