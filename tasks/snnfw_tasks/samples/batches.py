"""Checked samples in batches: to calibrate with, to test on, and to train with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeAlias

import numpy
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Sampler, SequentialSampler

from snnfw import Batch, Data, Item, SnnfwError
from snnfw_tasks.samples.checked import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from snnfw import Inputs
    from snnfw_tasks.samples.checked import CheckedSamples
    from snnfw_tasks.samples.options import Amounts

Loaded: TypeAlias = "tuple[Tensor, Tensor] | SnnfwError"


FAR = 0x9E3779B1
"""How far apart the seeds of neighbouring parts are: in their lower 32 bits, of which torch takes no others."""


def as_inputs(images: Tensor, target: object) -> Inputs:
    """Return the inputs of a network that takes images alone."""
    del target
    return (images,)


def as_batch(images: Tensor, target: object) -> Batch:
    """Return images with what is known of them."""
    return Batch(inputs=(images,), target=target)


class LoadedBatches(Generic[Item]):
    """Batches on the CPU, read anew every time: ``collate`` puts samples together, and ``make`` shapes what it returns.

    An SnnfwError that it returns is raised. With ``shuffle_seed`` they come in a random order, in full batches. With
    ``positions`` they are those at these places of the order, and no sample of another one is read.
    """

    def __init__(
        self,
        samples: Any,
        size: int,
        workers: int,
        collate: Callable[[list[Any]], tuple[Any, Any] | SnnfwError],
        make: Callable[[Any, Any], Item],
        shuffle_seed: int | None = None,
        positions: range | None = None,
    ) -> None:
        self._make = make
        self._part = partial(LoadedBatches, samples, size, workers, collate, make, shuffle_seed)
        # Its own generator, because a DataLoader otherwise draws from torch's global one in every iteration.
        generator = torch.Generator()
        if shuffle_seed is not None:
            generator.manual_seed(shuffle_seed)
        order = SequentialSampler(samples) if shuffle_seed is None else RandomSampler(samples, generator=generator)
        # A last batch of one sample has no variance, which batch norms need in training.
        whole = BatchSampler(order, size, drop_last=shuffle_seed is not None and len(samples) >= size)
        own = range(len(whole)) if positions is None else positions
        self._loader: DataLoader[Any] = DataLoader(
            samples,
            batch_sampler=_Chosen(whole, own),
            num_workers=workers,
            collate_fn=collate,
            generator=generator,
            worker_init_fn=_OwnNoise(own.start) if own.start else None,
        )

    def __len__(self) -> int:
        return len(self._loader)

    def part(self, positions: range) -> LoadedBatches[Item]:
        """Return the batches at ascending positions, without reading the others."""
        return self._part(positions)

    def __iter__(self) -> Iterator[Item]:
        for loaded in self._loader:
            if isinstance(loaded, SnnfwError):
                raise loaded
            yield self._make(*loaded)


def batch_checked(
    samples: CheckedSamples[Any],
    size: int,
    workers: int,
    make: Callable[[Tensor, Tensor], Item],
    shuffle_seed: int | None = None,
) -> LoadedBatches[Item]:
    """Return checked samples in batches; ``make`` shapes (images, labels)."""
    return LoadedBatches(_ErrorsAsValues(samples), size, workers, _collate, make, shuffle_seed)


def batch_splits(
    amounts: Amounts,
    calibration: CheckedSamples[Any],
    evaluation: CheckedSamples[Any],
    inputs: Callable[[Tensor, Tensor], Inputs] = as_inputs,
    ready: Callable[[Tensor, Tensor], Batch] = as_batch,
    frames: int | None = None,
) -> Data:
    """Return the splits in batches: to calibrate with, where a frame counts for a sample, to tune and to evaluate with.

    ``inputs`` and ``ready`` shape what is calibrated with, and what is scored.
    """
    return Data(
        calibration=batch_checked(calibration, max(1, amounts.batch // (frames or 1)), amounts.workers, inputs),
        tuning=batch_checked(calibration, amounts.batch, amounts.workers, ready),
        evaluation=batch_checked(evaluation, amounts.batch, amounts.workers, ready),
        frames=frames,
    )


@dataclass(frozen=True, slots=True)
class _Chosen(Sampler[list[int]]):
    """The samples' indices of the batches at some positions."""

    batches: BatchSampler
    positions: range

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[list[int]]:
        return islice(self.batches, self.positions.start, self.positions.stop, self.positions.step)


@dataclass(frozen=True, slots=True)
class _OwnNoise:
    """Let the workers of another part draw other noise: the generator of all parts is the same, as is their order."""

    start: int

    def __call__(self, worker: int) -> None:
        del worker
        seed = (torch.initial_seed() + self.start * FAR) % 2**63
        torch.manual_seed(seed)
        random.seed(seed)
        numpy.random.seed(seed % 2**32)  # which libraries draw from


@dataclass(frozen=True, slots=True)
class _ErrorsAsValues:
    """Hand errors over as values: a worker process would wrap a raised one in its traceback's text."""

    samples: CheckedSamples[Any]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, position: int) -> tuple[Tensor, int | Tensor] | SnnfwError:
        try:
            return self.samples[position]
        except SnnfwError as error:
            return error


def _collate(items: list[tuple[Tensor, int | Tensor] | SnnfwError]) -> Loaded:
    """Stack samples, unless one of them is an error."""
    good: list[tuple[Tensor, int | Tensor]] = []
    for item in items:
        if isinstance(item, SnnfwError):
            return item
        good.append(item)
    return stack(good)


def training_batches(
    open_all: Callable[[], CheckedSamples[Any]],
    things: str,
    make: Callable[[Tensor, Tensor], Batch],
    batch: int,
    workers: int,
    seed: int,
) -> LoadedBatches[Batch]:
    """Return the training split in batches, in an order that ``seed`` fixes; ``make`` may distort them."""
    samples = open_all()
    if len(samples) < 2:
        raise SnnfwError(f"data '{samples.data}' has {len(samples)} training {things}, 2 or more are needed.")
    return batch_checked(samples, min(batch, len(samples)), workers, make, seed)
