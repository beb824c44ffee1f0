"""The exact Pareto frontier of additive tables: one candidate per site, costs and values summed over the sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snnfw import SnnfwError

Numbers: TypeAlias = "NDArray[np.float64]"
Indices: TypeAlias = "NDArray[np.integer[Any]]"
Rows: TypeAlias = Sequence[Sequence[float]]
"""A number per site and candidate; sites may have different numbers of candidates."""

SLACK = 1e-9
"""Relative room for rounding where partial sums are compared with a budget; complete sums are compared exactly."""


@dataclass(frozen=True, slots=True)
class Frontier:
    """Every non-dominated choice of one candidate per site, cheapest first.

    ``cost`` and ``value`` are the sums, [P], strictly rising and strictly falling; ``choices`` holds the candidates by
    their index, [P, sites].
    """

    cost: Numbers
    value: Numbers
    choices: NDArray[np.uint16]

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.cost)

    def best(self, budget: float) -> int:
        """Return the point with the least value among those that cost at most ``budget``; -1 where none does."""
        return int(np.searchsorted(self.cost, budget, side="right")) - 1

    def cheapest(self, budget: float) -> int:
        """Return the point with the least cost among those whose value is at most ``budget``; -1 where none is."""
        first = int(np.searchsorted(-self.value, -budget, side="left"))
        return first if first < len(self) else -1


@dataclass(frozen=True, slots=True)
class _States:
    """The non-dominated choices for the first sites: their sums, and the way back through ``steps``."""

    cost: Numbers
    value: Numbers
    steps: tuple[tuple[NDArray[np.int32], NDArray[np.uint16]], ...] = ()


def frontier(
    costs: Rows, values: Rows, budget: float | None = None, resolution: float = 0.0, limit: int = 1_000_000
) -> Frontier:
    """Return the frontier of all sums, or what of it costs at most ``budget``.

    Site by site, every state is expanded by every candidate; a state is kept if its value is strictly smaller than
    that of every cheaper one. That loses nothing, because costs and values add up (Adaptive Calibration, section 3.1).
    With a ``resolution`` above 0 it is approximate: of the states whose costs fall into one bin, ``resolution`` times
    the largest possible cost wide, only the last, which has the least value, is kept, and the cheapest of all.

    Raises:
        SnnfwError: the tables are not of one shape, hold a negative number or none at all, or more than ``limit``
            states are left.

    """
    table = _check_lengths(costs, values)
    width = resolution * _total([max(row) for row in costs])
    remaining = _remaining_costs([min(row) for row in costs])
    states = _States(np.zeros(1), np.zeros(1))
    for site, (cost, value) in enumerate(table):
        most = None if budget is None else budget * (1 + SLACK) - remaining[site]
        states = _expand(states, cost, value, most, width)
        if len(states.cost) > limit:
            raise SnnfwError(
                f"the frontier has more than {limit} points after {site + 1} of {len(table)} sites. Give fewer "
                "candidates, or search.resolution=1e-5 for an approximate frontier."
            )
    found = Frontier(states.cost, states.value, _choices(states))
    if budget is None:
        return found
    kept = found.best(budget) + 1
    return Frontier(found.cost[:kept], found.value[:kept], found.choices[:kept])


def total(rows: Rows, choices: Sequence[int]) -> float:
    """Return the sum of one choice, added up in the frontier's own order, so that equal choices have equal sums."""
    return _total([row[choice] for row, choice in zip(rows, choices, strict=True)])


def _total(numbers: Sequence[float]) -> float:
    result = 0.0
    for number in numbers:  # sum() compensates rounding in newer Pythons, and would not agree with the frontier
        result += number
    return result


def _check_lengths(costs: Rows, values: Rows) -> list[tuple[Numbers, Numbers]]:
    if [len(row) for row in costs] != [len(row) for row in values]:
        raise SnnfwError("costs and values must be tables of the same shape: a number per site and candidate.")
    table = [(np.array(c, dtype=float), np.array(v, dtype=float)) for c, v in zip(costs, values, strict=True)]
    for site, (cost, value) in enumerate(table):
        if not len(cost):
            raise SnnfwError(f"site {site} has no candidate: give at least one.")
        for word, numbers in (("cost", cost), ("value", value)):
            wrong = numbers[~(np.isfinite(numbers) & (numbers >= 0))]
            if len(wrong):
                raise SnnfwError(f"a {word} at site {site} is {wrong[0]:g}: it must be finite and at least 0.")
    return table


def _remaining_costs(least: Sequence[float]) -> list[float]:
    """Return, for every site, the least that the sites after it cost."""
    return [_total(least[site + 1 :]) for site in range(len(least))]


def _expand(states: _States, cost: Numbers, value: Numbers, most: float | None, width: float) -> _States:
    """Return the non-dominated states that have one more site."""
    costs = (cost[:, None] + states.cost).ravel()
    values = (value[:, None] + states.value).ravel()
    order = np.argsort(costs, kind="stable")  # merges the candidates' sorted runs
    if most is not None:
        order = order[: np.searchsorted(costs[order], most, side="right")]
    order = order[_find_undominated(costs[order], values[order])]
    if width and len(order):
        bins = np.floor(costs[order] / width)
        order = order[np.append(bins[1:] != bins[:-1], True) | (np.arange(len(bins)) == 0)]
    parents, choices = order % len(states.cost), order // len(states.cost)
    step = (parents.astype(np.int32), choices.astype(np.uint16))
    return _States(costs[order], values[order], (*states.steps, step))


def _find_undominated(costs: Numbers, values: Numbers) -> Indices:
    """Return which of the states, sorted by cost, have a smaller value than all before and none of equal cost after."""
    least = np.minimum.accumulate(values)
    kept: Indices = np.flatnonzero(np.append(True, values[1:] < least[:-1])[: len(values)])
    last: Indices = np.flatnonzero(np.append(costs[kept][1:] > costs[kept][:-1], True)[: len(kept)])
    return kept[last]


def _choices(states: _States) -> NDArray[np.uint16]:
    """Walk every state back to the first site and return its choices, [P, sites], in the sites' order."""
    choices = np.empty((len(states.cost), len(states.steps)), dtype=np.uint16)
    rows: Indices = np.arange(len(states.cost))
    for site in reversed(range(len(states.steps))):
        parents, chosen = states.steps[site]
        choices[:, site], rows = chosen[rows], parents[rows]
    return choices
