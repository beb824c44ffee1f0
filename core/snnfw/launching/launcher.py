"""What a launcher must offer, and what it says of a worker that died."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

from snnfw.errors import SnnfwError

Given = TypeVar("Given")
Returned = TypeVar("Returned")


@dataclass(frozen=True, slots=True)
class Lost:
    """An item that nothing is known of, because the worker that had it is gone: the caller may give it again.

    ``reason`` says in a sentence without its full stop what ended the worker: a signal, a node, a time limit.
    """

    reason: str


class UnreachableError(SnnfwError):
    """Nothing can be launched here: a launcher's library is not installed, or its cluster does not answer."""


@runtime_checkable
class Launcher(Protocol):
    """Run a function over many items on workers: processes of this machine, or of a cluster.

    What is given and what comes back are bytes, so that a launcher only carries them; the function pickles, and answers
    for the versions, generators and exceptions of what it holds. A launcher gives each worker its share of the cores
    (:func:`snnfw.launching.limit_threads`), stops what still runs when its iterator is closed, and raises an
    ``UnreachableError`` where its library is not installed or nothing answers; ``require()``, a method that it may
    have, says so before anything is computed.
    """

    name: ClassVar[str]

    def map(
        self, function: Callable[[Given], Returned], items: Sequence[Given], /
    ) -> Iterator[tuple[int, Returned | Lost]]:
        """Yield every item's position once, with what the function returns for it, in the order of finishing.

        The function goes to each worker once, and not with each item. An exception of it is raised. A worker that dies
        is ``Lost``, for each item that it had, and the others go on.
        """
        ...
