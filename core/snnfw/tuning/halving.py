"""Successive halving: of many candidates on few samples the most promising go on to more; Optuna keeps the study."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from snnfw.errors import SnnfwError
from snnfw.tuning.values import Finding, Minimised

FACTOR = 3
"""One of so many candidates goes on to so many times the samples: Jamieson and Talwalkar, 2016, Eq. of their Alg. 1."""

LEAST = 2
"""Candidates that always go on, where there are as many."""

MARGIN = 1e-9
"""Relative difference of costs below which they are equal."""


def rungs(samples: int, fewest: int) -> tuple[int, ...]:
    """Return the samples of each rung: ``fewest``, ``FACTOR ** 2`` times as many and so on, and all of them last."""
    found, size = [], fewest
    while size < samples:
        found.append(size)
        size *= FACTOR**2
    return (*found, samples)


def promise(found: Finding, minimise: Minimised, best: float) -> float:
    """Return what a candidate may save: the share of the best cost known, times how sure its drop is small enough.

    ``best`` is the cost of the best candidate that is known to do, or of the network. Zero for one that would cost
    more, or could not be measured.
    """
    if found.evidence is None:
        return 0.0
    cost = found.evidence.cost(minimise)[0]
    if not cost < best * (1 - MARGIN):
        return 0.0
    return found.sure * (1 - cost / best)


class Study:
    """An Optuna study of one round: a trial for each candidate, its promise after each rung, and whether it goes on."""

    def __init__(self, names: Sequence[str]) -> None:
        optuna = import_optuna()
        with _quietly(optuna):
            self._study = optuna.create_study(direction="maximize", pruner=_halving(optuna))
            for name in names:
                self._study.enqueue_trial({"candidate": name})
            self._trials = {name: self._study.ask() for name in names}
            for trial in self._trials.values():
                trial.suggest_categorical("candidate", list(names))

    def narrow(self, promises: dict[str, float], samples: int) -> list[str]:
        """Report what was seen on so many samples, and return who goes on, in the order of the trials."""
        for name, value in promises.items():
            self._trials[name].report(value, samples)
        return [name for name in promises if not self._trials[name].should_prune()]


def import_optuna() -> Any:
    """Return the library, or say how to get it."""
    try:
        return import_module("optuna")
    except ImportError as error:
        raise SnnfwError("tune needs the library optuna: pip install snnfw[search].") from error


def _halving(optuna: Any) -> Any:
    """Return a pruner that decides once all trials of a rung have reported.

    Optuna's own decides by those that came before, so that the order in which workers finish would be part of the
    result.
    """

    class Halving(optuna.pruners.BasePruner):  # type: ignore[misc]  # known at run time alone
        def prune(self, study: Any, trial: Any) -> bool:
            values = [
                other.intermediate_values[trial.last_step]
                for other in study.get_trials(deepcopy=False)
                if trial.last_step in other.intermediate_values
            ]
            kept = sorted(values, reverse=True)[: max(LEAST, math.ceil(len(values) / FACTOR))]
            own = trial.intermediate_values[trial.last_step]
            return bool(own <= 0 or own < kept[-1])

    return Halving()


@contextmanager
def _quietly(optuna: Any) -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
