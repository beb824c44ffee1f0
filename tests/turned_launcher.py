"""A launcher that sends everything as others do, works in this process, last item first, and loses what it is told to."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from snnfw.launching import Lost

Given = TypeVar("Given")
Returned = TypeVar("Returned")


@dataclass(frozen=True)
class Turned:
    """Launch in this process, last item first, and lose what is at some positions, once each or always."""

    name: ClassVar[str] = "turned"
    lose: tuple[int, ...] = ()
    always: bool = False

    def map(
        self, function: Callable[[Given], Returned], items: Sequence[Given], /
    ) -> Iterator[tuple[int, Returned | Lost]]:
        sent: Callable[[Given], Returned] = pickle.loads(pickle.dumps(function))  # noqa: S301  # what was pickled a moment ago
        first = len(items) > len(self.lose)
        for at in reversed(range(len(items))):
            lost = self.always or (first and at in self.lose)
            yield at, Lost("the node went away") if lost else sent(items[at])
