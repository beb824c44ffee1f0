"""Run a function over items, in this process or by a launcher, and hold the launcher to its contract."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from types import MappingProxyType
from typing import Any, TypeVar, cast

from snnfw.errors import SnnfwError
from snnfw.failures import failure_text
from snnfw.launching.launcher import Launcher, Lost
from snnfw.launching.outcomes import Raised
from snnfw.launching.versions import installed_versions
from snnfw.launching.work import Reducers, Unfit, Work, attempt, pack

Given = TypeVar("Given")
Returned = TypeVar("Returned")

TRIES = 3
"""How often an item is given whose worker dies."""


def launch(
    launcher: Launcher | None,
    function: Callable[[Given], Returned],
    items: Sequence[Given],
    seed: int | None = 0,
    reducers: Reducers = MappingProxyType({}),
) -> Generator[tuple[int, Returned | Raised | Lost], None, None]:
    """Yield the position of every item with what came of it, in the order of finishing.

    Every item finds all generators seeded with ``seed`` (None: the function draws nothing), whoever runs it and
    whatever ran before, so that it comes to the same with a launcher and without, which is in this process.
    ``reducers`` say how classes pickle that do not by themselves.

    Raises:
        SnnfwError: the launcher does not work, or a worker lacks something or has another version of it.

    """
    if launcher is None:
        for at, item in enumerate(items):
            yield at, attempt(function, item, seed)
        return
    if not items:
        return
    packed, *given = _packed(launcher, [function, *items], reducers)
    work = Work(packed, installed_versions(), seed)
    missing = set(range(len(items)))
    with closing(_mapped(launcher, work, given)) as answers:
        for at, answer in answers:
            if at not in missing:
                raise SnnfwError(f"launcher '{launcher.name}' yields {at!r}, which is no position, or twice.")
            missing.discard(at)
            yield at, cast("Returned | Raised | Lost", _opened(launcher, answer))
    if missing:
        raise SnnfwError(f"launcher '{launcher.name}' says nothing of {len(missing)} of {len(items)} items.")


def collect(
    launcher: Launcher | None,
    function: Callable[[Given], Returned],
    items: Sequence[Given],
    seed: int | None = 0,
    tell: Callable[[str], None] | None = None,
) -> list[Returned]:
    """Return what ``finished`` yields, in the order of the items."""
    found = dict(finished(launcher, function, items, seed, tell))
    return [found[at] for at in range(len(items))]


def finished(
    launcher: Launcher | None,
    function: Callable[[Given], Returned],
    items: Sequence[Given],
    seed: int | None = 0,
    tell: Callable[[str], None] | None = None,
    reducers: Reducers = MappingProxyType({}),
) -> Generator[tuple[int, Returned], None, None]:
    """Yield every item's position with what a function returns, as they finish; one whose worker died is given again.

    Raises:
        Exception: the first one that the function raised; the other items are stopped.
        SnnfwError: as ``launch``, or a worker died of the same item again and again.

    """
    left = list(range(len(items)))
    for again in reversed(range(TRIES)):
        lost: dict[int, Lost] = {}
        with closing(launch(launcher, function, [items[at] for at in left], seed, reducers)) as outcomes:
            for position, outcome in outcomes:
                if isinstance(outcome, Raised):
                    raise outcome.error
                if isinstance(outcome, Lost):
                    lost[left[position]] = outcome
                else:
                    yield left[position], outcome
        if not lost:
            return
        left = sorted(lost)
        if tell and again:
            tell(f"{len(lost)} of {len(items)} are given again: {next(iter(lost.values())).reason}.")
    at, last = min(lost.items(), key=lambda entry: entry[0])
    raise SnnfwError(
        f"item {at + 1} of {len(items)} was lost {TRIES} times: {last.reason}. Give workers more memory, or have fewer."
    )


def _packed(launcher: Launcher, values: Sequence[Any], reducers: Reducers) -> list[bytes]:
    try:
        return [pack(value, reducers) for value in values]
    except SnnfwError:
        raise
    except Exception as error:  # whatever a stranger's value raises when it is pickled
        raise SnnfwError(
            f"what launcher '{launcher.name}' is given cannot be sent to a worker ({failure_text(error).rstrip('.')}): "
            "leave the launcher out."
        ) from error


def _mapped(launcher: Launcher, work: Work, items: Sequence[bytes]) -> Generator[tuple[int, bytes | Lost], None, None]:
    """Yield what a launcher yields, and say whose fault an exception is."""
    try:
        yield from launcher.map(work, items)
    except SnnfwError:
        raise
    except Exception as error:  # whatever a stranger's code raises
        raise SnnfwError(f"launcher '{launcher.name}' does not work: {failure_text(error)}") from error


def _opened(launcher: Launcher, answer: bytes | Lost) -> Any:
    """Return the outcome in an answer, refusing a worker that cannot do the work."""
    if isinstance(answer, Lost):
        return answer
    outcome = pickle.loads(answer)  # noqa: S301  # of our own worker
    if isinstance(outcome, Unfit):
        raise SnnfwError(f"launcher '{launcher.name}': {outcome.reason}. Install the same on all machines.")
    return outcome
