"""Checked samples in batches: to calibrate with, to test on, and to train with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, cast

import numpy
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Sampler, SequentialSampler

from snnfw import Batch, Data, Item, SnnfwError
from snnfw_tasks.samples.checked import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor
    from torch.utils.data import Dataset

    from snnfw import Batches, Inputs
    from snnfw_tasks.samples.checked import CheckedSamples
    from snnfw_tasks.samples.options import Amounts


FAR = 0x9E3779B1
"""How far apart the seeds of neighbouring parts are: in their lower 32 bits, of which torch takes no others."""


def as_inputs(images: Tensor, target: object) -> Inputs:
    """Return the inputs of a network that takes images alone."""
    del target
    return (images,)


def as_batch(images: Tensor, target: object) -> Batch:
    """Return images with what is known of them."""
    return Batch(inputs=(images,), target=target)


FEW = 8
"""Samples that are read at once where a few are looked at."""


class LoadedBatches(Generic[Item]):
    """Batches on the CPU, read anew every time: ``collate`` puts samples together, and ``make`` shapes what it returns.

    An SnnfwError of a sample is raised, and one that says so where a process that reads was killed. ``workers``
    processes read two batches each ahead, and no more. With ``shuffle_seed`` batches are full and in a random order.
    With ``positions`` they are those at these places of the order, and no sample of another one is read.
    """

    def __init__(
        self,
        samples: Any,
        size: int,
        workers: int,
        collate: Callable[[list[Any]], tuple[Any, Any]],
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
            cast("Dataset[Any]", _ErrorsAsValues(samples)),
            batch_sampler=_Chosen(whole, own),
            num_workers=workers,
            collate_fn=partial(_collate, collate),
            generator=generator,
            worker_init_fn=_OwnNoise(own.start) if own.start else None,
        )

    def __len__(self) -> int:
        return len(self._loader)

    def part(self, positions: range) -> LoadedBatches[Item]:
        """Return the batches at ascending positions, without reading the others."""
        return self._part(positions)

    def __iter__(self) -> Iterator[Item]:
        for loaded in self._read():
            if isinstance(loaded, SnnfwError):
                raise loaded
            yield self._make(*loaded)

    def _read(self) -> Iterator[Any]:
        """Yield what the loader does, and say in a sentence that a process of it was killed."""
        batches = iter(self._loader)
        while True:
            try:
                loaded = next(batches)
            except StopIteration:
                return
            except RuntimeError as error:
                if "DataLoader worker" not in str(error):
                    raise
                raise SnnfwError(
                    f"one of the processes that read files (workers={self._loader.num_workers}) was killed, as a "
                    "system does that is out of memory: give fewer, or a smaller batch."
                ) from error
            yield loaded


def batch_checked(
    samples: CheckedSamples[Any],
    size: int,
    workers: int,
    make: Callable[[Tensor, Tensor], Item],
    shuffle_seed: int | None = None,
) -> LoadedBatches[Item]:
    """Return checked samples in batches; ``make`` shapes (images, labels)."""
    return LoadedBatches(samples, size, workers, stack, make, shuffle_seed)


def few_at_a_time(samples: CheckedSamples[Any], ready: Callable[[Tensor, Tensor], Batch] = as_batch) -> Batches[Batch]:
    """Return checked samples in batches of a few, for whoever looks at the first of them."""
    return batch_checked(samples, FEW, 0, ready)


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

    samples: Any

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, position: int) -> Any:
        try:
            return self.samples[position]
        except SnnfwError as error:
            return error


def _collate(collate: Callable[[list[Any]], tuple[Any, Any]], items: list[Any]) -> Any:
    """Put samples together, unless one of them is an error, which is returned, or they don't go together."""
    for item in items:
        if isinstance(item, SnnfwError):
            return item
    try:
        return collate(items)
    except SnnfwError as error:
        return error


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
