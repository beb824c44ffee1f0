"""Measure how sensitive a network is to each site's neuron, and what that neuron costs, one changed site at a time."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from snnfw.convert.activations import first_samples, to_device
from snnfw.energy.charges import PJ_TO_MJ
from snnfw.energy.events import accumulations, spikes
from snnfw.errors import SnnfwError, unknown_name_error
from snnfw.plan.rules import Neuron
from snnfw.search.branch import run_branches
from snnfw.search.distances import Distance, distance_of
from snnfw.search.keys import Keys, open_store
from snnfw.simulate.memory import samples_within
from snnfw.simulate.run import network_output
from snnfw.spiking.frames import first_frames, frames_in
from snnfw.store.files import Store
from snnfw.values import Inputs, Keep, Site, SiteStats

if TYPE_CHECKING:
    from snnfw.neurons.spiking_neuron import SpikingNeuron
    from snnfw.plan.placement import Plan
    from snnfw.search.trials import Trials
    from snnfw.spiking.model import SpikingModel

LOG = logging.getLogger("snnfw")


@dataclass(frozen=True, slots=True)
class Question:
    """What is measured of each candidate.

    ``distance`` is between the network's and the spiking network's outputs, averaged over samples: of their softmaxes p
    and q the divergence KL(p‖q) or ½ (KL(p‖q) + KL(q‖p)), or the task's own. ``cost`` is that of the site's events
    alone, per sample: millijoules of the accumulations that they cause in all layers, or their number. ``thresholds``
    says with which threshold, initial potential and offset a candidate is built: those that the site has in the plan
    (kept), or those that the converter finds for it (own). ``samples`` is the most calibration samples to measure on.
    """

    distance: Literal["symmetric_kl", "kl", "task"] = "symmetric_kl"
    cost: Literal["energy", "spikes"] = "energy"
    thresholds: Literal["kept", "own"] = "kept"
    samples: int = 64


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


Cell = tuple[str, int | None]
"""A site, and the index of one of its candidates; None is the plan's own neuron."""

Measured = tuple[float, float]
"""Sensitivity and cost."""


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
    asked = _Request(plan, _check_candidates(plan, candidates), question, trials)
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


@dataclass(frozen=True, slots=True)
class _Request:
    """What ``measure`` is asked, the candidates checked and in the order of execution."""

    plan: Plan
    candidates: Mapping[str, tuple[Neuron, ...]]
    question: Question
    trials: Trials

    @property
    def cells(self) -> list[Cell]:
        """Return the cells to evaluate: every candidate that is not the plan's own neuron, then those."""
        pairs = [self.cell(site, number) for site, row in self.candidates.items() for number in range(len(row))]
        return [cell for cell in pairs if cell[1] is not None] + [(site, None) for site in self.candidates]

    def cell(self, site: str, number: int) -> Cell:
        """Return where the value of a candidate stands."""
        own = self.placed(site) == self.candidates[site][number]
        return site, None if own else number

    def placed(self, site: str) -> Neuron | Keep:
        """Return the plan's own neuron at a site."""
        return next(placement.neuron for placement in self.plan.placements if placement.site.name == site)

    def variant(self, number: int) -> Plan:
        """Return the plan in which every site that has so many candidates has that one."""
        plan = self.plan
        for site, row in self.candidates.items():
            plan = plan.with_neuron(site, row[number]) if number < len(row) else plan
        return plan


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


def _keys(asked: _Request) -> dict[Cell, str]:
    """Return the key of each cell: of the plan, and of the neuron in its place."""
    keys = Keys(asked.trials)
    plan = keys.plan(asked.plan)
    change = _changes(asked, keys)
    return {cell: keys.of("the question", asked.question, plan, cell[0], change(cell)) for cell in asked.cells}


def _changes(asked: _Request, keys: Keys) -> Callable[[Cell], str]:
    """Return the identity of the neuron in each cell; with their own thresholds, which others were converted too."""
    if asked.question.thresholds == "kept":
        rows = asked.candidates
        return lambda cell: "" if cell[1] is None else keys.of(f"a neuron for '{cell[0]}'", rows[cell[0]][cell[1]])
    variants = {number: keys.plan(asked.variant(number)) for number in range(max(map(len, asked.candidates.values())))}
    return lambda cell: "" if cell[1] is None else variants[cell[1]]


def _evaluations(
    asked: _Request, distance: Distance, store: Store, keys: Mapping[Cell, str]
) -> Iterator[tuple[Cell, Measured]]:
    """Yield the value of every cell: first those that are kept from before, then the others as they are measured."""
    missing = []
    for cell in asked.cells:
        kept = store.load(keys[cell])
        if kept is None:
            missing.append(cell)
        else:
            yield cell, (kept["sensitivity"], kept["cost"])
    for cell, (sensitivity, cost) in _measure_cells(asked, distance, missing) if missing else ():
        if not math.isfinite(sensitivity):
            raise SnnfwError(_not_finite(asked, *cell))
        store.save(keys[cell], {"sensitivity": sensitivity, "cost": cost})
        yield cell, (sensitivity, cost)


def _measure_cells(asked: _Request, distance: Distance, missing: Sequence[Cell]) -> Iterator[tuple[Cell, Measured]]:
    """Yield the value of some cells, in one pass over the plan's model that branches at every site."""
    trials, question = asked.trials, asked.question
    model = trials.convert(asked.plan)
    inputs = _samples(model, question.samples, trials)
    seen = first_frames(trials.graph, inputs, trials.timesteps)
    wanted = network_output(trials.graph, seen, frames_in(trials.graph, seen))
    changed = [(site, number) for site, number in missing if number is not None]
    substitutes = (
        _own_thresholds(asked, changed)
        if question.thresholds == "own"
        else _build_on_calibration(asked, model, changed)
    )
    numbers = {name: [number for site, number in changed if site == name] for name in asked.candidates}
    sites = {site.name: site for site, _ in model.site_neurons()}

    def value(site: Site) -> Measured:
        return distance(model.read(), wanted), _cost(model, site, question, trials)

    for site, index in run_branches(model, inputs, substitutes):
        yield (site.name, numbers[site.name][index]), value(site)
    yield from ((cell, value(sites[cell[0]])) for cell in missing if cell[1] is None)


def _build_on_calibration(
    asked: _Request, model: SpikingModel, changed: Sequence[tuple[str, int]]
) -> dict[str, list[SpikingNeuron]]:
    """Build candidates on what calibration found for the plan's own neurons."""
    built: dict[str, list[SpikingNeuron]] = {}
    present = {site.name: (site, neuron) for site, neuron in model.site_neurons()}
    for name, number in changed:
        site, own = present[name]
        stats = SiteStats(own.threshold, own.initial, own.offset)
        neuron = asked.candidates[name][number].build(site, stats, asked.trials.timesteps)
        neuron.backend, neuron.insists = own.backend, own.insists
        built.setdefault(name, []).append(neuron)
    return built


def _own_thresholds(asked: _Request, changed: Sequence[tuple[str, int]]) -> dict[str, list[SpikingNeuron]]:
    """Take candidates from conversions: one with each site's first candidate, one with each site's second ..."""
    converted: dict[Cell, SpikingNeuron] = {}
    for number in sorted({number for _, number in changed}):
        model = asked.trials.convert(asked.variant(number))
        for site, neuron in model.site_neurons():
            neuron.reset()
            converted[site.name, number] = neuron
    built: dict[str, list[SpikingNeuron]] = {}
    for cell in changed:
        built.setdefault(cell[0], []).append(converted[cell])
    return built


def _samples(model: SpikingModel, wanted: int, trials: Trials) -> Inputs:
    """Return the first samples to fit on as one batch, as many as memory holds twice: in a branch and aside."""
    memory = trials.resources.memory
    fitting = samples_within(model, model.timesteps, memory // 2)
    inputs = first_samples(trials.data.fitting or trials.data.calibration, wanted)
    given = len(inputs[0])
    if fitting < given:
        LOG.warning(
            "snnfw: the search measures on %d samples instead of %d, which memory=%d bytes does not hold: give more "
            "memory, or ask for %d samples.",
            fitting,
            given,
            memory,
            fitting,
        )
    return to_device(tuple(tensor[:fitting] for tensor in inputs), trials.resources.device)


def _cost(model: SpikingModel, site: Site, question: Question, trials: Trials) -> float:
    """Return the cost of the events of one site: 10⁻⁹ mJ/pJ · e_AC · Σ events · fan-out, or their number."""
    if question.cost == "spikes":
        return float(spikes(model)[site.name].mean())
    added = sum(float(values.mean()) for values in accumulations(model, only=site).values())
    return trials.costs.ac_pj * added * PJ_TO_MJ


def _not_finite(asked: _Request, site: str, number: int | None) -> str:
    neuron = asked.placed(site) if number is None else asked.candidates[site][number]
    return (
        f"the sensitivity of site '{site}' with neuron '{neuron.name}' is not a finite number: the outputs hold NaN or "
        "infinity, or differ beyond all bounds. Leave that candidate out, or choose another distance."
    )
