"""What a stage may use, and whom it tells."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from snnfw.errors import wrong_kind_error
from snnfw.values.samples import Item


class Track(Protocol):
    """Wrap an iterable so that progress through it can be shown."""

    def __call__(self, items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
        """Yield the items unchanged."""
        ...


def track_nothing(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """Show nothing."""
    del description, total
    return items


def tell_nothing(line: str) -> None:
    """Say nothing."""
    del line


class Clock:
    """The seconds that each stage of a run took, by name, in the order in which they first began."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time until the context ends as the stage's, beside what it has already."""
        start = time.perf_counter()
        self.seconds.setdefault(name, 0.0)
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class Resources:
    """What a stage may use: where it computes, with which backend, in how much memory, and whom it tells.

    ``memory`` is the budget in bytes for the activations of one chunk of timesteps. ``tell`` takes a line for the
    user: what was read, say, and what was left out. ``clock`` knows how long stages took.
    """

    device: str = "cpu"
    backend: str = "auto"
    memory: int = 2 * 2**30
    seed: int = 0
    track: Track = track_nothing
    tell: Callable[[str], None] = tell_nothing
    clock: Clock = field(default_factory=Clock, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what only a configuration reads, such as 2GiB, and what torch alone would take."""
        for name, kind in {"device": str, "backend": str, "memory": int, "seed": int}.items():
            if not isinstance(getattr(self, name), kind):
                raise wrong_kind_error(
                    f"Resources.{name}", getattr(self, name), "text" if kind is str else "a whole number"
                )
