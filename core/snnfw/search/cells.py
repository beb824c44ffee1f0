"""Measure candidates in passes over the plan's model that branch at sites: one here, or on workers one for each."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from snnfw.conversion.activations import first_samples, to_device
from snnfw.energy.charges import Counts, event_energy
from snnfw.energy.events import accumulations, spikes
from snnfw.energy.inventory import Inventory, take_inventory
from snnfw.search.branch import run_branches
from snnfw.search.distances import Distance
from snnfw.search.questions import Cell, Measured, Question, Request
from snnfw.search.spreading import measure_all
from snnfw.simulate.memory import samples_within
from snnfw.simulate.run import network_output
from snnfw.spiking.frames import first_frames, frames_in
from snnfw.values import Inputs, Output, Site, SiteStats

if TYPE_CHECKING:
    from snnfw.neurons.spiking_neuron import SpikingNeuron
    from snnfw.planning.placement import Plan
    from snnfw.search.trials import Trials
    from snnfw.spiking.model import SpikingModel

LOG = logging.getLogger("snnfw")


def measure_cells(asked: Request, distance: Distance, missing: Sequence[Cell]) -> Iterator[tuple[Cell, Measured]]:
    """Yield the value of some cells: in one pass that branches at every site, or on workers, each of them a site's."""
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
    numbers = {name: tuple(number for site, number in changed if site == name) for name in substitutes}
    own = tuple(site for site, number in missing if number is None)
    meter = Meter(model, inputs, wanted, distance, question)
    if trials.workers is None:
        yield from meter.measure(trials, Part(substitutes, numbers, own))
        return
    parts = [Part({name: row}, {name: numbers[name]}, ()) for name, row in substitutes.items()]
    for _, measured in measure_all(
        trials, partial(_measure_part, meter), [*parts, *([Part({}, {}, own)] if own else ())]
    ):
        yield from measured


@dataclass(frozen=True, slots=True)
class Part:
    """What one pass measures: neurons at some sites, with their numbers among the candidates, and the ``own``."""

    substitutes: Mapping[str, Sequence[SpikingNeuron]]
    numbers: Mapping[str, Sequence[int]]
    own: Sequence[str]


@dataclass(frozen=True, slots=True)
class Meter:
    """What measures: the plan's model, samples for it, what the network makes of them, and what is asked."""

    model: SpikingModel
    inputs: Inputs
    wanted: Output
    distance: Distance
    question: Question

    def measure(self, trials: Trials, part: Part) -> Iterator[tuple[Cell, Measured]]:
        """Yield the values of a part, in one pass, which goes on behind the last neuron only for the plan's own."""
        model, left = self.model, sum(map(len, part.numbers.values()))
        sites = {site.name: site for site, _ in model.site_neurons()}
        inventory = take_inventory(model.graph, model.plan)

        def value(site: Site) -> Measured:
            return self.distance(model.read(), self.wanted), _cost(model, site, self.question, trials, inventory)

        for site, index in run_branches(model, self.inputs, part.substitutes, trials.resources.seed):
            yield (site.name, part.numbers[site.name][index]), value(site)
            left -= 1
            if not left and not part.own:
                return
        yield from (((site, None), value(sites[site])) for site in part.own)


def _measure_part(meter: Meter, trials: Trials, part: Part) -> list[tuple[Cell, Measured]]:
    return list(meter.measure(trials, part))


def convert_neurons(trials: Trials, plan: Plan) -> dict[str, SpikingNeuron]:
    """Return the neurons of a plan by their sites' names, as its conversion makes them."""
    neurons = {site.name: neuron for site, neuron in trials.convert(plan).site_neurons()}
    for neuron in neurons.values():
        neuron.reset()
    return neurons


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
    numbers = sorted({number for _, number in changed})
    for at, neurons in measure_all(asked.trials, convert_neurons, [asked.variant(number) for number in numbers]):
        converted.update({(site, numbers[at]): neuron for site, neuron in neurons.items()})
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
