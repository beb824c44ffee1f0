"""What is wrong with a launcher is found, and said in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from snnfw.checks.faults import NotTriedError
from snnfw.checks.launchers import check_launcher
from snnfw.launching import Lost, UnreachableError
from snnfw.launching.work import pack

LOST = Lost("as asked")


@dataclass(frozen=True)
class Here:
    """Run in this process, which nothing may end."""

    name: ClassVar[str] = "here"
    death: Any = LOST

    def map(self, function: Callable[[Any], Any], items: Sequence[Any], /) -> Iterator[tuple[int, Any]]:
        for at, item in enumerate(items):
            yield at, self.death if b"die" in item and self.death else function(item)


class Wrong(Here):
    def map(self, function: Callable[[Any], Any], items: Sequence[Any], /) -> Iterator[tuple[int, Any]]:
        yield from ((at, pack(7)) for at in range(len(items)))


class Silent(Here):
    def map(self, function: Callable[[Any], Any], items: Sequence[Any], /) -> Iterator[tuple[int, Any]]:
        yield from (
            (at, pack(None)) if b"raise" in items[at] else (at, found) for at, found in super().map(function, items)
        )


class Stopping(Here):
    def map(self, function: Callable[[Any], Any], items: Sequence[Any], /) -> Iterator[tuple[int, Any]]:
        yield from super().map(function, items[:1])


class Absent(Here):
    def map(self, function: Callable[[Any], Any], items: Sequence[Any], /) -> Iterator[tuple[int, Any]]:
        raise UnreachableError("no cluster.")


@pytest.mark.parametrize(
    ("launcher", "faults"),
    [
        (Here(), []),
        (
            Wrong(),
            ["map() gives [7, 7, 7] for the squares of [3, 1, 2]: yield what the function returns, by position."],
        ),
        (
            Silent(),
            ["map() turns an exception into {0: None, 1: 4}: carry what the function gives, and go on."],
        ),
        (
            Here(death=None),
            [
                'map() says Raised(error=RuntimeError("the function runs in the caller\'s own process")) of a worker '
                "that was killed: it must yield snnfw.Lost with the reason."
            ],
        ),
        (Stopping(), ["launching a small function fails: launcher 'here' says nothing of 2 of 3 items."]),
    ],
)
def test_faults_are_found(launcher: Here, faults: list[str]) -> None:
    assert check_launcher(launcher) == faults


def test_what_is_not_reachable_is_not_tried() -> None:
    with pytest.raises(NotTriedError, match=r"^no cluster\.$"):
        check_launcher(Absent())
