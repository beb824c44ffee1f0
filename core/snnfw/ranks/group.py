"""Exchange values between the processes of one run, and let all of them end where one fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from snnfw.errors import SnnfwError

Failure: TypeAlias = tuple[type[SnnfwError], str]
"""What a process has failed with, for others to raise."""


class Ranks(Protocol):
    """The processes of one run: ``rank`` is the number of this one, of ``count``."""

    @property
    def rank(self) -> int:
        """Return this process's number, from 0 on."""
        ...

    @property
    def count(self) -> int:
        """Return the number of processes."""
        ...

    def gather(self, value: Any) -> list[Any]:
        """Return the value of each process, in their order; all have to call this as often."""
        ...


@dataclass(frozen=True, slots=True)
class Alone:
    """One process."""

    rank: int = 0
    count: int = 1

    def gather(self, value: Any) -> list[Any]:
        """Return the value."""
        return [value]


ALONE = Alone()


class Together:
    """Several processes in a group of ``torch.distributed``; they run the same lines and exchange what they found.

    What goes from one to another are Python's own values, pickled: each of them is a copy of the same program.
    """

    def __init__(self, rank: int, count: int, group: Any) -> None:
        self.rank, self.count = rank, count
        self._group = group
        self._told: BaseException | None = None

    def gather(self, value: Any) -> list[Any]:
        """Return the value of each process, in their order, or raise what one of them has failed with."""
        found = self._exchange(None, value)
        failures = [failure for failure, _ in found if failure]
        if failures:
            kind, said = failures[0]
            self._told = self._known(kind(said))
            raise self._told
        return [value for _, value in found]

    def fail(self, error: BaseException) -> None:
        """Let the others, who wait for a value of this process or will, raise what it has failed with."""
        if error is self._told:  # which they know, or have told
            return
        self._told = self._known(error) if isinstance(error, SnnfwError) else error
        fault = f"process {self.rank} of {self.count} failed: {type(error).__name__}: {error}"
        failure = (type(error), str(error)) if isinstance(error, SnnfwError) else (SnnfwError, fault)
        self._exchange(failure, None)

    def _known(self, error: SnnfwError) -> SnnfwError:
        """Return an error that the first process tells its user."""
        error.told = self.rank > 0
        return error

    def _exchange(self, failure: Failure | None, value: Any) -> list[tuple[Failure | None, Any]]:
        from torch import distributed

        found: list[Any] = [None] * self.count
        try:
            distributed.all_gather_object(found, (failure, value), group=self._group)
        except RuntimeError as error:
            self._told = SnnfwError(
                f"process {self.rank} of {self.count} has lost another one, which was killed or ran out of memory: see "
                "what it said, and start again."
            )
            raise self._told from error
        return found


@contextmanager
def in_step(ranks: Ranks) -> Iterator[None]:
    """Go on where all processes are through, and raise in all of them what one of them raises."""
    try:
        yield
        ranks.gather(None)
    except Exception as error:
        if isinstance(ranks, Together):
            ranks.fail(error)
        raise


def require_same(ranks: Ranks, what: str, key: str) -> None:
    """Refuse to go on where processes have come to something else: their numbers would not belong together."""
    keys = ranks.gather(key)
    others = [rank for rank, found in enumerate(keys) if found != keys[0]]
    if others:
        raise SnnfwError(
            f"{what} of process {others[0]} is another one than that of process 0: something that it is made with "
            "draws at random, or their machines or libraries differ. Use devices=1, or fix what draws."
        )
