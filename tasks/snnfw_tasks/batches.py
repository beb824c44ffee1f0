"""Labelled samples in batches, every sample checked on the way: shape, finite values, label."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias

import torch
from torch.utils.data import DataLoader

from snnfw.errors import SnnfwError
from snnfw.values import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from snnfw_tasks.labelled import Samples

Loaded: TypeAlias = "tuple[Tensor, Tensor] | SnnfwError"


class Checked(Protocol):
    """Usable samples by position, each with one label, or with one for each of its pixels [H, W]."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, position: int, /) -> tuple[Tensor, int | Tensor]:
        """Return a sample that is known to be usable, or raise an SnnfwError that names it."""
        ...


@dataclass(frozen=True, slots=True)
class CheckedSamples:
    """Some of a split's samples, each refused if it is not what the rest of the run relies on.

    ``split`` and ``data`` name the samples in errors; ``shape`` and ``classes`` are what they must fit.
    """

    samples: Samples
    indices: Sequence[int]
    split: str
    data: str
    shape: tuple[int, ...]
    classes: int

    def __len__(self) -> int:
        return len(self.indices)

    def first(self, count: int) -> CheckedSamples:
        """Return the first so many, or all if there are fewer."""
        return replace(self, indices=self.indices[:count])

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        """Return a sample that is known to be usable, or raise an SnnfwError that names it."""
        index = self.indices[position]
        image, label = self.samples[index]
        where = f"sample {index} of data '{self.data}'"
        if tuple(image.shape) != self.shape:
            raise SnnfwError(
                f"{where} ({self.split}) has the shape {list(image.shape)}, "
                f"but the data set's samples have the shape {list(self.shape)}."
            )
        if not image.isfinite().all():
            raise SnnfwError(f"{self.split} data holds NaN or infinity: repair or remove {where}.")
        if not 0 <= label < self.classes:
            raise SnnfwError(
                f"{where} ({self.split}) has the label {label}, "
                f"outside the network's {self.classes} classes (0 to {self.classes - 1})."
            )
        return image, label


class CheckedBatches(Generic[Item]):
    """Batches of checked samples on the CPU, read anew every time; ``make`` shapes (images, labels).

    With ``shuffle_seed`` they come in a random order, in full batches.
    """

    def __init__(
        self,
        samples: Checked,
        size: int,
        workers: int,
        make: Callable[[Tensor, Tensor], Item],
        shuffle_seed: int | None = None,
    ) -> None:
        self._make = make
        generator = torch.Generator()
        if shuffle_seed is not None:
            generator.manual_seed(shuffle_seed)
        # Its own generator, because a DataLoader otherwise draws from torch's global one in every iteration.
        self._loader: DataLoader[Any] = DataLoader(
            _ErrorsAsValues(samples),  # type: ignore[arg-type]  # any indexable with a length will do
            batch_size=size,
            num_workers=workers,
            collate_fn=_collate,
            generator=generator,
            shuffle=shuffle_seed is not None,
            # A last batch of one sample has no variance, which batch norms need in training.
            drop_last=shuffle_seed is not None and len(samples) >= size,
        )

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Item]:
        for loaded in self._loader:
            if isinstance(loaded, SnnfwError):
                raise loaded
            yield self._make(*loaded)


@dataclass(frozen=True, slots=True)
class _ErrorsAsValues:
    """Hand errors over as values: a worker process would wrap a raised one in its traceback's text."""

    samples: Checked

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, position: int) -> tuple[Tensor, int | Tensor] | SnnfwError:
        try:
            return self.samples[position]
        except SnnfwError as error:
            return error


def _collate(items: list[tuple[Tensor, int | Tensor] | SnnfwError]) -> Loaded:
    """Stack samples to images [N, C, H, W] and labels [N] or [N, H, W], unless one of them is an error."""
    good: list[tuple[Tensor, int | Tensor]] = []
    for item in items:
        if isinstance(item, SnnfwError):
            return item
        good.append(item)
    images, labels = zip(*good, strict=True)
    return torch.stack(images), torch.stack([torch.as_tensor(label) for label in labels])
