"""Read inputs and labels as people have them: tensors, tuples, lists of batches, data loaders."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from snnfw.conversion.activations import require_inputs
from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.ranks.parts import part_of
from snnfw.values import Batch, Batches, Inputs
from snnfw.values.samples import count_batches

SAMPLES = 128
"""Samples of one tensor that go together as a batch, as in the tasks."""

WANTED = "a tensor [N, ...], a tuple of such, a list of batches, or a DataLoader"


@dataclass(frozen=True, slots=True)
class ReadBatches:
    """Batches of any kind as ``Batch``, one after the other as they are asked for; the target is None where none is."""

    given: Batches[Any]
    arguments: int
    what: str

    def __iter__(self) -> Iterator[Batch]:
        for number, item in enumerate(self.given):
            yield read_batch(item, self.arguments, f"{self.what} {number}")

    def __len__(self) -> int:
        return count_batches(self.given, self.what)

    def part(self, positions: range) -> ReadBatches:
        """Return the batches at some positions."""
        return ReadBatches(part_of(self.given, positions), self.arguments, self.what)


def read_batches(given: Any, arguments: int, what: str) -> ReadBatches:
    """Return what was given as batches for a network of so many arguments; what follows these is the target.

    A tensor or a tuple of tensors is one batch, which is cut into batches of 128 samples, as is a list of tensors that
    differ in kind, which ``next(iter(loader))`` is. Any other list, and a DataLoader, holds batches.

    Raises:
        SnnfwError: it holds no batches, can be gone through once alone, or is a data set of single samples.

    """
    if isinstance(given, Dataset):
        raise SnnfwError(f"{what} is a data set of single samples: wrap it, DataLoader(dataset, batch_size=128).")
    if isinstance(given, Tensor | Batch) or _is_one_batch(given):
        given = list(_cut(read_batch(given, arguments, what), what))
    elif isinstance(given, Mapping | str | bytes) or not hasattr(given, "__iter__"):
        raise wrong_kind_error(what, given, WANTED)
    elif not isinstance(given, DataLoader) and iter(given) is given:
        raise SnnfwError(f"{what} can be gone through once alone: give list(...) of it, or a DataLoader.")
    if count_batches(given, what) == 0:
        raise SnnfwError(f"{what} is empty: give at least one batch.")
    return ReadBatches(given, arguments, what)


def read_batch(item: Any, arguments: int, what: str) -> Batch:
    """Return one batch of any usual kind: inputs, or inputs and what they are to be compared with."""
    if isinstance(item, Batch):
        return item
    if isinstance(item, Tensor):
        item = (item,)
    if not isinstance(item, tuple | list) or not item:
        raise wrong_kind_error(what, item, "a tensor [N, ...], or a tuple of inputs and labels")
    if isinstance(item[0], tuple | list):  # ((x1, x2), labels)
        inputs, rest = tuple(item[0]), tuple(item[1:])
    else:
        inputs, rest = tuple(item[:arguments]), tuple(item[arguments:])
    if len(inputs) != arguments or not all(isinstance(tensor, Tensor) and tensor.dim() for tensor in inputs):
        raise SnnfwError(
            f"{what} holds {len(inputs)} inputs and the network takes {arguments} tensors: give them in a tuple, "
            "labels after them."
        )
    target = rest[0] if len(rest) == 1 else rest or None
    return Batch(inputs, target)


def count_arguments(net: nn.Module) -> int:
    """Return how many tensors a network's forward has to be given; one where it takes any number of them."""
    parameters = inspect.signature(net.forward).parameters.values()
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return max(1, sum(p.default is p.empty for p in places))


def first_example(batches: Batches[Batch], frames: int | None, device: str) -> Inputs:
    """Return the first two samples, which a network is captured with; of frames, the middle one of each."""
    taken: list[Inputs] = []
    for batch in islice(batches, 2):
        taken.append(require_inputs(tuple(batch.inputs), "the example", len(batch.inputs)))
        if sum(len(inputs[0]) for inputs in taken) >= 2:
            break
    example = tuple(torch.cat(tensors)[:2].to(device) for tensors in zip(*taken, strict=True))
    if len(example[0]) == 1:
        example = tuple(torch.cat([tensor, tensor]) for tensor in example)
    return tuple(tensor[:, frames // 2] for tensor in example) if frames else example


def _is_one_batch(given: Any) -> bool:
    if isinstance(given, tuple):
        return bool(given) and all(isinstance(part, Tensor) for part in given)
    if not isinstance(given, list) or len(given) < 2 or not all(isinstance(part, Tensor) for part in given):
        return False
    kinds = {(part.shape[1:], part.dtype) for part in given}
    return len(kinds) == len(given) and len({len(part) for part in given if part.dim()}) == 1


def _cut(batch: Batch, what: str) -> Iterator[Batch]:
    """Yield a batch in parts of ``SAMPLES``; a target that cannot be cut along leaves it whole."""
    total = len(batch.inputs[0]) if batch.inputs[0].dim() else 0
    if any(len(tensor) != total for tensor in batch.inputs):
        raise SnnfwError(f"{what} holds inputs with different numbers of samples: give every input the same number.")
    sized = batch.target is None or (isinstance(batch.target, Tensor) and len(batch.target) == total)
    if not sized or total <= SAMPLES:
        if total:
            yield batch
        return
    for start in range(0, total, SAMPLES):
        part = slice(start, start + SAMPLES)
        yield Batch(
            tuple(tensor[part] for tensor in batch.inputs), None if batch.target is None else batch.target[part]
        )
