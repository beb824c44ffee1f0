"""What the segmentation task asks of its sources: images with a label for every pixel, and a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from snnfw.errors import SnnfwError
from snnfw_tasks.labelled import ClassifierSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from snnfw.contracts import DataSource, ModelSource
    from snnfw_tasks.labelled import Preprocess


class MaskedSamples(Protocol):
    """Samples by index: an image [C, H, W] and the label of each of its pixels [H, W], long."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]:
        """Return one sample."""
        ...


@dataclass(frozen=True, slots=True)
class Masked:
    """A data set whose pixels' labels are positions in ``classes``, or ``VOID`` where they count for nothing.

    Images are squares of ``prepare.crop`` pixels, normalised as ``prepare`` says. ``training`` is called where it is
    needed; ``calibration`` may be the same images, but shares nothing with ``evaluation``. ``mirror`` tells that an
    image seen in a mirror is as good.
    """

    classes: tuple[str, ...]
    prepare: Preprocess
    training: Callable[[], MaskedSamples]
    calibration: MaskedSamples
    evaluation: MaskedSamples
    mirror: bool = False


@runtime_checkable
class MaskedData(Protocol):
    """A data source that the segmentation task can use."""

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]

    def open(self, preprocess: Preprocess | None) -> Masked:
        """Return the splits; ``preprocess`` is what the network was trained with, where that is known."""
        ...


def segmenting(task: str, model: ModelSource, data: DataSource) -> tuple[ClassifierSource, MaskedData]:
    """Return both as sources for segmentation, or raise an SnnfwError that says what one of them lacks."""
    if not isinstance(model, ClassifierSource):
        raise SnnfwError(f"model '{model.name}' is not for task '{task}': preprocess or build is missing.")
    if not isinstance(data, MaskedData):
        raise SnnfwError(f"data '{data.name}' is not for task '{task}': open is missing.")
    return model, data
