"""Tell one set of data from another by its first batch, which is read once for all who look at a few samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Generic

from snnfw.ranks.parts import part_of
from snnfw.store.digest import digest_of
from snnfw.values import Batch, Batches, Bundle, Inputs, Item


class KeptFirst(Generic[Item]):
    """Batches of which the first that is read is kept, and no other one.

    A pass over all of them reads each anew, in whatever order they come then.
    """

    def __init__(self, batches: Batches[Item]) -> None:
        self.batches = batches
        self._first: list[Item] = []

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Item]:
        for item in self.batches:
            self._first = self._first or [item]
            yield item

    def part(self, positions: range) -> Batches[Item]:
        """Return the batches at ascending positions."""
        return part_of(self.batches, positions)

    def first(self) -> Item | None:
        """Return the first batch, read only if none was; None where there is none."""
        return next(iter(self._first or self), None)

    def few(self) -> Iterator[Item]:
        """Yield the first batch, and where more are asked for those behind it."""
        if (item := self.first()) is not None:
            yield item
            yield from part_of(self.batches, range(1, len(self.batches)))


def keep_first(bundle: Bundle) -> Bundle:
    """Return the bundle with evaluation data that keeps its first batch."""
    return replace(bundle, data=replace(bundle.data, evaluation=KeptFirst(bundle.data.evaluation)))


def first_batch(batches: Batches[Item]) -> Item | None:
    """Return the first batch, the one that is kept where one is; None where there is none."""
    return batches.first() if isinstance(batches, KeptFirst) else next(iter(batches), None)


def few_batches(batches: Batches[Item]) -> Iterator[Item]:
    """Yield batches to look at a few samples of, beginning with the one that is kept where one is."""
    return batches.few() if isinstance(batches, KeptFirst) else iter(batches)


def describe_batches(batches: Batches[Any]) -> dict[str, Any]:
    """Return how many batches of inputs there are, how many samples the first one has, and its hash."""
    item: Any = first_batch(batches)
    first: Inputs = tuple(item.inputs if isinstance(item, Batch) else item)
    return {"batches": len(batches), "first_batch": len(first[0]), "first_batch_sha256": digest_of(first)}
