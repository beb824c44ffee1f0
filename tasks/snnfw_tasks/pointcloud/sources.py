"""What the point cloud task asks of its sources: clouds of points in three splits, and a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

from snnfw import DataSource, ModelSource

if TYPE_CHECKING:
    from torch import Tensor, nn

    from snnfw import Resources
    from snnfw_tasks.samples.checked import Indexed
    from snnfw_tasks.samples.reading import Reading

HeadName: TypeAlias = Literal["cls", "parts"]


class Cloud(NamedTuple):
    """Points [P, 3], the number of the object's category, and of each point's part [P], or none where unknown."""

    points: Tensor
    category: int
    parts: Tensor | None


CloudSamples: TypeAlias = "Indexed[Cloud]"
"""Clouds by index, all of equally many points, finite, centred and scaled; or an SnnfwError that names the file."""


@dataclass(frozen=True, slots=True)
class Clouds:
    """A data set in three splits.

    ``parts`` names every category's parts, which are numbered through from the first category's first on; it is empty
    where points carry no parts. ``training`` is called where it is needed; ``calibration`` may be the same clouds, but
    shares nothing with ``evaluation``. ``up`` is the axis that points upwards in pictures and that training turns
    objects about, by up to ``turn`` degrees. ``reading`` is what a reader of files says about them.
    """

    categories: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]
    points: int
    training: Callable[[], CloudSamples]
    calibration: CloudSamples
    evaluation: CloudSamples
    up: int = 2
    turn: float = 0.0
    reading: Reading | None = None

    def belongs(self) -> list[int]:
        """Return the number of the category that each part belongs to."""
        return [number for number, name in enumerate(self.categories) for _ in self.parts.get(name, ())]


@dataclass(frozen=True, slots=True)
class Head:
    """What a network has to tell: the category of a cloud, or the part of each of its points.

    ``outputs`` counts the categories or the parts, ``categories`` the entries of the second input, the category as
    one-hot vector, that a network for parts gets.
    """

    name: HeadName
    outputs: int
    categories: int


class CloudData(DataSource, Protocol):
    """A data source that the point cloud task can use."""

    def open(self) -> Clouds:
        """Return the splits."""
        ...


class PointNetwork(ModelSource, Protocol):
    """A model source that names the task: points [N, 3, P] and, for parts, categories [N, C] come in.

    One that serves any task knows of no heads, and its ``build`` gets the number of outputs.
    """

    def build(self, head: Head, resources: Resources, /) -> nn.Module:
        """Return the network with its weights: logits [N, K] for categories, [N, K, P] for parts."""
        ...
