"""Labelled samples in three splits, and what tasks ask of sources of them, and of networks for so many classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from snnfw import DataSource, ModelSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from snnfw import Resources
    from snnfw_tasks.samples.checked import Indexed
    from snnfw_tasks.samples.reading import Reading


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How an image file becomes a sample: resized, cropped in the middle, scaled to 0..1 and normalised.

    ``resize`` is the length of the shorter side in pixels (of both sides with ``squash``), ``crop`` the side
    of the square cut out of it. One value in ``mean`` and ``std`` means grey images, three mean colour.
    """

    resize: int
    crop: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    squash: bool = False

    def __str__(self) -> str:
        """Return the preparation in words."""
        cut = f"{self.crop} by {self.crop}"
        if self.squash:
            sides = f"squashed to {self.resize} by {self.resize}" + f", {cut} cut out" * (self.resize != self.crop)
        elif self.resize == self.crop:
            sides = f"of {cut} pixels"
        else:
            sides = f"resized to {self.resize} on the shorter side, {cut} cut out of the middle"
        mean, std = (", ".join(f"{value:g}" for value in values) for values in (self.mean, self.std))
        colours = "grey" if len(self.mean) == 1 else "in colour"
        return f"{colours}, {sides}, {self.interpolation}; mean {mean}, deviation {std}"


IMAGENET = Preprocess(resize=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""What most networks trained on ImageNet expect; stands in where the network's own preparation is unknown."""


Samples: TypeAlias = "Indexed[tuple[Tensor, int]]"
"""Samples by index: an image [C, H, W], or frames [frames, C, H, W], and the number of its class."""


@dataclass(frozen=True, slots=True)
class LabelledData:
    """A data set in three splits, whose labels are positions in ``classes``; ``shape`` is one sample's.

    ``calibration`` may be the training split itself, but shares nothing with ``evaluation``. ``augment`` distorts a
    batch of training samples at random. Where ``frames`` is given, a sample is that many frames, one for each timestep.
    ``reading`` is what a reader of files says about them, ``prepared`` how images were made samples.
    """

    classes: tuple[str, ...]
    shape: tuple[int, ...]
    training: Samples
    calibration: Samples
    evaluation: Samples
    augment: Callable[[Tensor], Tensor] | None = None
    frames: int | None = None
    reading: Reading | None = None
    prepared: Preprocess | None = None


class ClassifierData(DataSource, Protocol):
    """A data source for tasks with one label per sample: of images, or of frames of events."""

    def open(self, preprocess: Preprocess | None, /) -> LabelledData:
        """Return the splits; ``preprocess`` is what the network was trained with, where that is known."""
        ...


class ClassifierSource(ModelSource, Protocol):
    """A model source for tasks that ask for a number of classes: of samples, or of each of their pixels."""

    def preprocess(self) -> Preprocess | None:
        """Return how the weights want images prepared, or nothing where that is unknown."""
        ...

    def build(self, classes: int, resources: Resources, /) -> nn.Module:
        """Return the network with its weights, for ``classes`` classes where the source leaves the choice."""
        ...


def preprocess_of(model: ModelSource) -> Preprocess | None:
    """Return how a model that a task has accepted wants images prepared, or nothing where that is unknown."""
    return cast("ClassifierSource", model).preprocess()
