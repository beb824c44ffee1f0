"""Measure how sensitive a network is to each site's neuron, and what that neuron costs, one changed site at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from snnfw.errors import SnnfwError, unknown_name_error
from snnfw.planning.rules import Neuron
from snnfw.search.cells import measure_cells
from snnfw.search.distances import Distance, distance_of
from snnfw.search.keys import Keys, open_store
from snnfw.search.questions import Cell, Measured, Question, Request
from snnfw.store.files import Store

if TYPE_CHECKING:
    from snnfw.planning.placement import Plan
    from snnfw.search.trials import Trials


@dataclass(frozen=True, slots=True)
class Table:
    """The sensitivity and the cost of every candidate at every site, everything else as in the plan.

    ``sites`` are in the order of execution; the other tuples hold a tuple for each of them, and in it a value for each
    candidate. ``baseline`` is the sensitivity of the plan as it is.
    """

    sites: tuple[str, ...]
    candidates: tuple[tuple[Neuron, ...], ...]
    sensitivity: tuple[tuple[float, ...], ...]
    cost: tuple[tuple[float, ...], ...]
    baseline: float


def measure(
    plan: Plan,
    candidates: Mapping[str, Sequence[Neuron]],
    question: Question,
    trials: Trials,
    cache: Path | None = None,
) -> Table:
    """Return sensitivity and cost of each site's candidates, by the site's name, everything else as in the plan.

    What is measured is kept in the folder ``cache`` (default: the user's), so that a search which was stopped
    goes on where it was. A candidate that equals the plan's own neuron is that neuron, as the plan's own conversion
    made it.

    Raises:
        SnnfwError: a site is unknown, kept analog, refuses a candidate or has none; the task has not what
            ``question.distance`` compares; a method holds what it cannot be told by; or a sensitivity is not a finite
            number.

    """
    asked = Request(plan, _check_candidates(plan, candidates), question, trials)
    store, keys = open_store(cache), _keys(asked)
    evaluations = _evaluations(asked, distance_of(question.distance, trials.judgement), store, keys)
    found = dict(trials.resources.track(evaluations, "measure candidates", len(asked.cells)))
    rows = {site: [found[asked.cell(site, i)] for i in range(len(row))] for site, row in asked.candidates.items()}
    return Table(
        sites=tuple(rows),
        candidates=tuple(asked.candidates.values()),
        sensitivity=tuple(tuple(sensitivity for sensitivity, _ in row) for row in rows.values()),
        cost=tuple(tuple(cost for _, cost in row) for row in rows.values()),
        baseline=found[next(iter(rows)), None][0],
    )


def _check_candidates(plan: Plan, candidates: Mapping[str, Sequence[Neuron]]) -> dict[str, tuple[Neuron, ...]]:
    """Return the candidates in the order of execution, or say why they cannot be measured."""
    sites = [placement.site.name for placement in plan.placements]
    for site, row in candidates.items():
        if site not in sites:
            raise unknown_name_error("site", site, sites, "Sites")
        if not row:
            raise SnnfwError(f"site '{site}' has no candidates: give it one neuron or more, or leave it out.")
        for neuron in row:
            plan.with_neuron(site, neuron)
    if not candidates:
        raise SnnfwError("there are no candidates to measure: name a site and its neurons.")
    return {site: tuple(candidates[site]) for site in sites if site in candidates}


def _keys(asked: Request) -> dict[Cell, str]:
    """Return the key of each cell: of the plan, and of the neuron in its place."""
    keys = Keys(asked.trials)
    plan = keys.plan(asked.plan)
    change = _changes(asked, keys)
    return {cell: keys.of("the question", asked.question, plan, cell[0], change(cell)) for cell in asked.cells}


def _changes(asked: Request, keys: Keys) -> Callable[[Cell], str]:
    """Return the identity of the neuron in each cell; with their own thresholds, which others were converted too."""
    if asked.question.thresholds == "kept":
        rows = asked.candidates
        return lambda cell: "" if cell[1] is None else keys.of(f"a neuron for '{cell[0]}'", rows[cell[0]][cell[1]])
    variants = {number: keys.plan(asked.variant(number)) for number in range(max(map(len, asked.candidates.values())))}
    return lambda cell: "" if cell[1] is None else variants[cell[1]]


def _evaluations(
    asked: Request, distance: Distance, store: Store, keys: Mapping[Cell, str]
) -> Iterator[tuple[Cell, Measured]]:
    """Yield the value of every cell: first those that are kept from before, then the others as they are measured."""
    missing = []
    for cell in asked.cells:
        kept = store.load(keys[cell])
        if kept is None:
            missing.append(cell)
        else:
            yield cell, (kept["sensitivity"], kept["cost"])
    for cell, (sensitivity, cost) in measure_cells(asked, distance, missing) if missing else ():
        if not math.isfinite(sensitivity):
            raise SnnfwError(_not_finite(asked, *cell))
        store.save(keys[cell], {"sensitivity": sensitivity, "cost": cost})
        yield cell, (sensitivity, cost)


def _not_finite(asked: Request, site: str, number: int | None) -> str:
    neuron = asked.placed(site) if number is None else asked.candidates[site][number]
    return (
        f"the sensitivity of site '{site}' with neuron '{neuron.name}' is not a finite number: the outputs hold NaN or "
        "infinity, or differ beyond all bounds. Leave that candidate out, or choose another distance."
    )
