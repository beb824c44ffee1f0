"""Some of a split's samples, each refused as it is read unless the rest of the run can rely on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor

Sample = TypeVar("Sample")
Sample_co = TypeVar("Sample_co", covariant=True)


class Indexed(Protocol[Sample_co]):
    """Samples by index, as a data set holds them."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, index: int, /) -> Sample_co:
        """Return one sample."""
        ...


@dataclass(frozen=True, slots=True)
class CheckedSamples(Generic[Sample]):
    """The samples of a split that have these indices, as tensors.

    ``check`` gets a sample, what errors call it, and the split, and returns its image or points and its label or
    labels, or raises an SnnfwError. ``data`` and ``noun`` name the samples there.
    """

    samples: Indexed[Sample]
    indices: Sequence[int]
    split: str
    data: str
    check: Callable[[Sample, str, str], tuple[Tensor, int | Tensor]]
    noun: str = "sample"

    def __len__(self) -> int:
        return len(self.indices)

    def first(self, count: int) -> CheckedSamples[Sample]:
        """Return the first so many, or all if there are fewer."""
        return replace(self, indices=self.indices[:count])

    def __getitem__(self, position: int) -> tuple[Tensor, int | Tensor]:
        """Return a sample that is known to be usable, or raise an SnnfwError that names it."""
        index = self.indices[position]
        return self.check(self.samples[index], f"{self.noun} {index} of data '{self.data}'", self.split)

    def stack(self, positions: Iterable[int]) -> tuple[Tensor, Tensor]:
        """Return some samples as two tensors."""
        return stack([self[position] for position in positions])


def check_all(make: Callable[..., CheckedSamples[Sample]], samples: Indexed[Sample]) -> CheckedSamples[Sample]:
    """Return all training samples, in their order."""
    return make(samples, range(len(samples)), "training")


def stack(items: Sequence[tuple[Tensor, int | Tensor]]) -> tuple[Tensor, Tensor]:
    """Return images [N, C, H, W] and labels [N], or [N, ...] where a sample has several."""
    images, labels = zip(*items, strict=True)
    return torch.stack(images), torch.stack([torch.as_tensor(label) for label in labels])
