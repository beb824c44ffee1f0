"""Measure what does not depend on each other: here, one after the other, or on workers, to the same last digit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from snnfw.launching import finished, seeded
from snnfw.values import Data, tell_nothing, track_nothing
from snnfw.values.resources import Clock

if TYPE_CHECKING:
    from snnfw.search.trials import Trials

Given = TypeVar("Given")
Returned = TypeVar("Returned")


def measure_all(
    trials: Trials, function: Callable[[Trials, Given], Returned], items: Sequence[Given]
) -> Iterator[tuple[int, Returned]]:
    """Yield the position of every item with what a function of the trials and the item returns, as they finish.

    With ``trials.workers`` they run there: the network and the data are sent to each worker once, an item whose worker
    dies is given again. Every item finds the generators seeded with ``trials.resources.seed``, so that it does not
    matter who runs it, or when. The function is one of a module, and writes nothing that the caller does not see.

    Raises:
        Exception: the first one that the function raised.
        SnnfwError: something cannot be sent, no worker can be had, or workers die of an item again and again.

    """
    workers, resources = trials.workers, trials.resources
    if workers is None:
        for at, item in enumerate(items):
            with seeded(resources.seed):
                measured = function(trials, item)
            yield at, measured
        return
    work = partial(function, portable(trials))
    given = finished(workers.launcher, work, items, resources.seed, resources.tell, workers.reducers)
    with closing(given) as outcomes:
        yield from outcomes


def portable(trials: Trials) -> Trials:
    """Return trials as they are sent: with their data in memory, telling nobody, and measuring where they arrive."""
    resources = replace(trials.resources, track=track_nothing, tell=tell_nothing, clock=Clock())
    return replace(trials, data=_read(trials.data), resources=resources, workers=None)


def _read(data: Data) -> Data:
    """Return the samples that measurements may see as lists of tensors, whatever they are read from."""
    return replace(
        data,
        calibration=list(data.calibration),
        fitting=None if data.fitting is None else list(data.fitting),
        tuning=None if data.tuning is None else list(data.tuning),
        evaluation=(),
    )
