"""Which batches are whose: positions of batches, read without those before them where the batches can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic

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


def consecutive(count: int, ranks: Ranks) -> range:
    """Return this process's share of so many positions: consecutive ones, those of lower ranks before them."""
    each, more = divmod(count, ranks.count)
    start = ranks.rank * each + min(ranks.rank, more)
    return range(start, start + each + (ranks.rank < more))
