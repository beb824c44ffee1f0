"""The tensors that go into a step of a spiking model and come out of it: names, shapes, and how they begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from snnfw.capture.graph import BatchDim, split_batch
from snnfw.errors import SnnfwError
from snnfw.spiking.memory import to_channels_last
from snnfw.spiking.precision import dtype_name


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor by name; ``shape`` holds None where the samples are, of which ``place`` says how many for each."""

    name: str
    dtype: torch.dtype
    shape: tuple[int | None, ...]
    place: BatchDim | None = None

    @property
    def per_sample(self) -> int:
        """Return how many elements of the batch dimension belong to one sample."""
        return self.place.outer * self.place.inner if self.place else 0

    def words(self, prefix: str) -> dict[str, Any]:
        """Return the slot as plain data; ``N`` is the number of samples."""
        samples = "N" if self.per_sample == 1 else f"{self.per_sample}*N"
        shape = [samples if size is None else size for size in self.shape]
        return {"name": prefix + self.name, "shape": shape, "dtype": dtype_name(self.dtype)}


def slot_of(name: str, value: Tensor, place: BatchDim | None) -> Slot:
    """Return the slot for values like one that was seen."""
    shape = tuple(None if place and dim == place.dim else size for dim, size in enumerate(value.shape))
    return Slot(name, value.dtype, shape, place)


def samples_in(slots: Sequence[Slot], values: Sequence[Tensor]) -> Any:
    """Return the number of samples that tensors hold, also where it is a symbol."""
    held = [(slot, value) for slot, value in zip(slots, values, strict=True) if slot.place is not None]
    slot, value = min(held, key=lambda pair: pair[0].per_sample)
    size = value.shape[slot.place.dim if slot.place else 0]
    return size if slot.per_sample == 1 else size // slot.per_sample


def seed_of(slot: Slot, first: Tensor) -> Tensor:
    """Return what every sample's first state is, with size 1 wherever one value stands for all.

    Raises:
        SnnfwError: the samples begin differently, so that the first state is no constant.

    """
    if slot.place is None:
        return first.clone()
    split = split_batch(first, slot.place)
    seed = split.narrow(slot.place.dim + 1, 0, 1)
    if not torch.equal(seed.expand_as(split), split):
        raise SnnfwError(
            f"state '{slot.name}' begins with values that differ from sample to sample: a step needs states that "
            "begin by shape alone, so let the neuron's 'begin' read nothing else of its input."
        )
    for dim in range(seed.dim()):
        one = seed.narrow(dim, 0, 1)
        seed = one if torch.equal(one.expand_as(seed), seed) else seed
    return seed.clone()


def first_state(slot: Slot, seed: Tensor, samples: Any) -> Tensor:
    """Return a first state for a number of samples, laid out in memory as the model's are."""
    if slot.place is None:
        return seed.clone()
    place = slot.place
    sizes = [samples if size is None else size for size in slot.shape]
    if slot.per_sample == 1:
        return to_channels_last(seed.flatten(place.dim, place.dim + 2).expand(sizes).contiguous())
    split = [*sizes[: place.dim], place.outer, samples, place.inner, *sizes[place.dim + 1 :]]
    return to_channels_last(seed.expand(split).flatten(place.dim, place.dim + 2).contiguous())


def linear_size(size: Any, samples: Any, name: str) -> Any:
    """Return a size for a number of samples, also where that is a symbol: a · N + b.

    Raises:
        SnnfwError: the size is no such function.

    """
    if isinstance(samples, int):
        return size(samples)
    two, three, seven = (size(count) for count in (2, 3, 7))
    slope = three - two
    if isinstance(two, bool) and two == three == seven:
        return two
    if seven != two + 5 * slope:
        raise SnnfwError(
            f"the size '{name}' is no multiple of the number of samples, which an export needs: derive sizes from "
            "the batch by products alone."
        )
    return two if not slope else slope * samples + (two - 2 * slope)
