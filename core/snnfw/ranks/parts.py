"""Which batches are whose: positions of batches, read without those before them where the batches can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic

from snnfw.errors import SnnfwError
from snnfw.ranks.group import Ranks
from snnfw.values import Batches, Item


@dataclass(frozen=True, slots=True)
class Passed(Generic[Item]):
    """The batches at some positions of batches that have no ``part`` of their own: the others are read and passed."""

    batches: Batches[Item]
    positions: range

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Item]:
        if self.positions:
            yield from islice(self.batches, self.positions.start, self.positions.stop, self.positions.step)


def part_of(batches: Batches[Item], positions: range) -> Batches[Item]:
    """Return the batches at ascending positions: by their own ``part(positions)``, or passing the others."""
    if positions == range(len(batches)):
        return batches
    if isinstance(batches, list | tuple):
        return batches[positions.start : positions.stop : positions.step]
    part: Any = getattr(batches, "part", None)
    return part(positions) if part else Passed(batches, positions)


def share_of(batches: Batches[Item], positions: range) -> Batches[Item]:
    """Return the batches at ascending positions, of which others have the rest: they have to come in one order.

    Raises:
        SnnfwError: a DataLoader shuffles them, so that some samples would be scored twice and others never.

    """
    if positions != range(len(batches)) and (sampler := _random_sampler(batches)):
        raise SnnfwError(
            f"the evaluation data comes in another order each time ({sampler}), so that its parts do not make the "
            "whole: give a DataLoader without shuffle, or score it in one process and in one go."
        )
    return part_of(batches, positions)


def _random_sampler(batches: Any) -> str | None:
    """Return the name of what shuffles the batches, or those that they are made of, if anything is known to."""
    from torch.utils.data import DataLoader, RandomSampler, SubsetRandomSampler, WeightedRandomSampler

    while not isinstance(batches, DataLoader):
        batches = getattr(batches, "batches", None) or getattr(batches, "given", None)
        if batches is None:
            return None
    samplers = (batches.sampler, getattr(batches.batch_sampler, "sampler", None))
    drawn = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)
    return next((type(sampler).__name__ for sampler in samplers if isinstance(sampler, drawn)), None)


def consecutive(count: int, ranks: Ranks) -> range:
    """Return this process's share of so many positions: consecutive ones, those of lower ranks before them."""
    each, more = divmod(count, ranks.count)
    start = ranks.rank * each + min(ranks.rank, more)
    return range(start, start + each + (ranks.rank < more))
