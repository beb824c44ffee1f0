"""Choose neurons layer by layer: how sensitive each site is to each, what each costs there, and the best mixtures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal

from snnfw.errors import SnnfwError
from snnfw.knobs import directions, vary
from snnfw.planning.coding import coding_of
from snnfw.planning.placement import Plan
from snnfw.planning.rules import Neuron
from snnfw.search.questions import Question
from snnfw.search.sensitivity import Table, measure
from snnfw.search.trials import Trials
from snnfw.values import Judgement, Keep

NEURONS = 6
"""Most neurons that are tried at a site, the plan's own included."""

MIXTURES = 6
"""Most mixtures that are proposed."""

PRICES = 24
"""Prices of sensitivity at which the best mixture is looked for, a power of two apart."""


def mix(plan: Plan, others: Sequence[Neuron], trials: Trials, samples: int) -> Iterator[Plan]:
    """Yield mixtures that cost less than the plan, the least sensitive first; none where outputs cannot be compared.

    At every site its own neuron competes with variants of itself and with ``others`` of the same coding. For a price λ
    of sensitivity each site takes the neuron with the least cost + λ · sensitivity: the mixtures on the lower convex
    hull of cost and sensitivity, as far as sensitivities of sites add up (Adaptive Calibration, Eq. 11).
    """
    distance = _distance(trials.judgement)
    if distance is None:
        return
    candidates = {
        placement.site.name: _rivals(plan, placement.site.name, placement.neuron, others)
        for placement in plan.placements
        if not isinstance(placement.neuron, Keep)
    }
    if not candidates:
        return
    question = Question(distance=distance, thresholds="own", samples=samples)
    table = measure(plan, candidates, question, trials)
    for choices in islice(choose_mixtures(table), MIXTURES):
        mixed = plan
        for site, row, choice in zip(table.sites, table.candidates, choices, strict=True):
            mixed = mixed.with_neuron(site, row[choice])
        yield mixed


def _distance(judgement: Judgement) -> Literal["symmetric_kl", "task"] | None:
    if judgement.logits is not None:
        return "symmetric_kl"
    return "task" if judgement.distance is not None else None


def _rivals(plan: Plan, site: str, own: Neuron, others: Sequence[Neuron]) -> tuple[Neuron, ...]:
    """Return the neurons to try at a site, its own first."""
    variants = (changed for name, values in directions(own) for _, changed in vary(own, name, islice(values, 2)))
    found = [own]
    for neuron in (*variants, *others):
        if len(found) == NEURONS:
            break
        if neuron in found or coding_of(neuron) != coding_of(own):
            continue
        try:
            plan.with_neuron(site, neuron)
        except SnnfwError:
            continue
        found.append(neuron)
    return tuple(found)


def choose_mixtures(table: Table) -> Iterator[tuple[int, ...]]:
    """Yield the choices at falling prices of sensitivity, each once, those that cost less than the first ones alone."""
    own = tuple(0 for _ in table.sites)
    spread = max(max(row) - min(row) for row in table.cost)
    worst = max(max(row) - min(row) for row in table.sensitivity)
    if spread <= 0 or worst <= 0:
        return
    seen = {own}
    for power in range(PRICES):
        price = 2.0 ** (PRICES // 2 - power) * spread / worst
        rows = zip(table.cost, table.sensitivity, strict=True)
        choices = tuple(_cheapest(costs, sensitivities, price) for costs, sensitivities in rows)
        if choices not in seen and _sum(table, choices) < _sum(table, own):
            seen.add(choices)
            yield choices


def _cheapest(costs: Sequence[float], sensitivities: Sequence[float], price: float) -> int:
    """Return which candidate has the least cost + price · sensitivity, of equals the first."""
    totals = [cost + price * sensitivity for cost, sensitivity in zip(costs, sensitivities, strict=True)]
    return totals.index(min(totals))


def _sum(table: Table, choices: tuple[int, ...]) -> float:
    return sum(row[choice] for row, choice in zip(table.cost, choices, strict=True))
