"""What the segmentation task asks of its sources: images with a label for every pixel, and a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from torch import Tensor

    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.reading import Reading


class MaskedSamples(Protocol):
    """Samples by index: an image [C, H, W] and the label of each of its pixels [H, W], long."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]:
        """Return one sample."""
        ...


@dataclass(frozen=True, slots=True)
class MaskedSplits:
    """A data set whose pixels' labels are positions in ``classes``, or ``VOID`` where they count for nothing.

    Images are squares of ``prepare.crop`` pixels, normalised as ``prepare`` says. ``training`` is called where it is
    needed; ``calibration`` may be the same images, but shares nothing with ``evaluation``. ``mirror`` tells that an
    image seen in a mirror is as good. ``reading`` is what a reader of files says about them, and ``held(index)`` the
    labels in the evaluation's image with an index, where that takes little.
    """

    classes: tuple[str, ...]
    prepare: Preprocess
    training: Callable[[], MaskedSamples]
    calibration: MaskedSamples
    evaluation: MaskedSamples
    mirror: bool = False
    reading: Reading | None = None
    held: Callable[[int], Collection[int]] | None = None
