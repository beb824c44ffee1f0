"""Choose what is shown where there is more than there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Shown = TypeVar("Shown")


def keep_largest(things: Sequence[Shown], size: Callable[[Shown], float], most: int) -> list[Shown]:
    """Return the things of the largest sizes, ``most`` of them at most, in the order in which they stand."""
    largest = sorted(range(len(things)), key=lambda place: -size(things[place]))[:most]
    return [things[place] for place in sorted(largest)]
