"""Measure candidates in one pass over the plan's model, which branches at every site."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from snnfw.conversion.activations import first_samples, to_device
from snnfw.energy.charges import Counts, event_energy
from snnfw.energy.events import accumulations, spikes
from snnfw.energy.inventory import Inventory, take_inventory
from snnfw.search.branch import run_branches
from snnfw.search.distances import Distance
from snnfw.search.questions import Cell, Measured, Question, Request
from snnfw.simulate.memory import samples_within
from snnfw.simulate.run import network_output
from snnfw.spiking.frames import first_frames, frames_in
from snnfw.values import Inputs, Site, SiteStats

if TYPE_CHECKING:
    from snnfw.neurons.spiking_neuron import SpikingNeuron
    from snnfw.search.trials import Trials
    from snnfw.spiking.model import SpikingModel

LOG = logging.getLogger("snnfw")


def measure_cells(asked: Request, distance: Distance, missing: Sequence[Cell]) -> Iterator[tuple[Cell, Measured]]:
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
    inventory = take_inventory(model.graph, model.plan)

    def value(site: Site) -> Measured:
        return distance(model.read(), wanted), _cost(model, site, question, trials, inventory)

    for site, index in run_branches(model, inputs, substitutes):
        yield (site.name, numbers[site.name][index]), value(site)
    yield from ((cell, value(sites[cell[0]])) for cell in missing if cell[1] is None)


def _build_on_calibration(
    asked: Request, model: SpikingModel, changed: Sequence[tuple[str, int]]
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


def _own_thresholds(asked: Request, changed: Sequence[tuple[str, int]]) -> dict[str, list[SpikingNeuron]]:
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


def _cost(model: SpikingModel, site: Site, question: Question, trials: Trials, inventory: Inventory) -> float:
    """Return the cost of the events of one site: their number, or the energy that they cause by themselves."""
    emitted = float(spikes(model)[site.name].mean())
    if question.cost == "spikes":
        return emitted
    added = {node: float(values.mean()) for node, values in accumulations(model, only=site).items()}
    return event_energy(inventory, trials.costs, Counts(model.elapsed, 1, {site.name: emitted}, added))
