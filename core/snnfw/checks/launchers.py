"""Hold a launcher against its contract: positions, results, exceptions, and a worker that dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from snnfw.checks.faults import NotTriedError, faults_or_failure, pickle_faults
from snnfw.checks.squares import RAISED, square_or_fail
from snnfw.launching.launcher import Launcher, Lost, UnreachableError
from snnfw.launching.outcomes import Raised
from snnfw.launching.running import launch

ITEMS = (3, 1, 2)


def check_launcher(launcher: Launcher) -> list[str]:
    """Return the faults of a launcher, in sentences; empty when it has none.

    Raises:
        NotTriedError: its library or its cluster is not there.

    """
    return [*pickle_faults(launcher), *faults_or_failure(lambda: _faults(launcher), "launching a small function")]


def _faults(launcher: Launcher) -> Iterator[str]:
    own = os.getpid()
    try:
        found = _run(launcher, [(own, item, "return") for item in ITEMS])
    except UnreachableError as error:
        raise NotTriedError(str(error)) from error
    values = [found[at] for at in sorted(found)]
    if values != [item * item for item in ITEMS]:
        yield f"map() gives {values!r} for the squares of {list(ITEMS)}: yield what the function returns, by position."
        return
    raised = _run(launcher, [(own, 1, "raise"), (own, 2, "return")])
    if not (isinstance(raised[0], Raised) and str(raised[0].error) == RAISED) or raised[1] != 4:
        yield f"map() turns an exception into {raised!r}: carry what the function gives, and go on."
    died = _run(launcher, [(own, 1, "die"), (own, 2, "return")])
    if not isinstance(died[0], Lost):
        yield f"map() says {died[0]!r} of a worker that was killed: it must yield snnfw.Lost with the reason."
    elif died[1] != 4 and not isinstance(died[1], Lost):
        yield f"map() says {died[1]!r} of an item beside one whose worker was killed."


def _run(launcher: Launcher, items: list[tuple[int, int, str]]) -> dict[int, Any]:
    with closing(launch(launcher, square_or_fail, items, seed=None)) as outcomes:
        return dict(outcomes)
