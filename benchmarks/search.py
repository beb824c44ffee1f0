"""A search's measurements: behind what precedes a site against whole runs; and a whole search for levels."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.result import Cell, Section
from benchmarks.timing import Candidates, seconds
from snnfw import Bundle, Resources, SiteStats
from snnfw.capture.export import capture
from snnfw.conversion.direct import Direct
from snnfw.energy.charges import PJ_TO_MJ
from snnfw.energy.events import accumulations
from snnfw.energy.horowitz import Horowitz
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Neuron, Rule
from snnfw.search.distances import distance_of
from snnfw.search.questions import Question
from snnfw.search.sensitivity import measure as measure_sensitivity
from snnfw.search.trials import Trials
from snnfw.spiking.model import SpikingModel
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.pareto import Choice, Pareto
from snnfw_plugins.pareto.frontier import Frontier, frontier
from snnfw_plugins.sigmadelta import SigmaDelta, delta_rules
from snnfw_tasks.classification.data.digits import Digits
from snnfw_tasks.classification.models.digits import DigitsResNet20
from snnfw_tasks.classification.task import Classification

REUSED, WHOLE = "snnfw", "a whole run for each candidate"


def digits_resnet20(resources: Resources) -> Bundle:
    """Return the embedded residual network and its digits."""
    return Classification().load(DigitsResNet20(), Digits(), resources)


@dataclass(frozen=True, slots=True)
class Settings:
    """What is searched: φ from 1 to ``candidates`` at every site, on ``samples`` over ``timesteps``."""

    timesteps: int = 8
    candidates: int = 8
    samples: int = 64
    bundle: Callable[[Resources], Bundle] = digits_resnet20

    def trials(self) -> Trials:
        """Return what a search is given."""
        resources = Resources(backend="native")
        bundle = self.bundle(resources)
        graph = capture(bundle.model, bundle.example)
        return Trials(graph, bundle.data, bundle.judgement, Direct(), self.timesteps, Horowitz(), resources)

    def plan(self, trials: Trials) -> Plan:
        """Return the plan with the largest φ everywhere."""
        return place(trials.graph, (Rule("*", AdaFire(phi=self.candidates)),))

    def asked(self, plan: Plan) -> Mapping[str, Sequence[Neuron]]:
        """Return the candidates."""
        return {
            placement.site.name: [AdaFire(phi=phi + 1) for phi in range(self.candidates)]
            for placement in plan.placements
        }

    @property
    def question(self) -> Question:
        """Return what is asked of each candidate."""
        return Question(samples=self.samples)


def measure(settings: Settings, repetitions: int = 3) -> Iterator[Section]:
    """Yield the table."""
    found = seconds(candidates(settings), repetitions)
    columns = ("", "s", "time / whole runs")
    rows: list[tuple[Cell, ...]] = [
        (name, f"{found.median(name):.2f}", found.ratio(name, WHOLE)) for name in found.values
    ]
    sizes = f"N = {settings.samples}, T = {settings.timesteps}, φ = 1 to {settings.candidates} at every site"
    yield Section(f"Measuring candidates, {settings.bundle.__name__}, {sizes}", columns, tuple(rows), found)
    yield levels(settings, repetitions)


def levels(settings: Settings, repetitions: int) -> Section:
    """Return how long it takes to find a frontier over the levels of every site of a delta-coded network."""
    trials = replace(settings.trials(), timesteps=1)
    plan = place(trials.graph, delta_rules(SigmaDelta()))
    space: dict[str, tuple[Choice, ...]] = {"levels": tuple(range(3, 3 + settings.candidates))}
    fronts: list[Frontier] = []
    searching = Pareto(space=space, samples=settings.samples)
    found = seconds({REUSED: lambda: fronts.append(find_frontier(plan, searching, trials))}, repetitions)
    sizes = f"N = {settings.samples}, T = 1, {settings.candidates} levels at each of {len(plan.placements)} sites"
    columns = ("", "s", "points of the frontier")
    rows: tuple[tuple[Cell, ...], ...] = ((REUSED, f"{found.median(REUSED):.2f}", str(len(fronts[0]))),)
    return Section(f"A search for levels, {settings.bundle.__name__}, {sizes}", columns, rows, found)


def find_frontier(plan: Plan, search: Pareto, trials: Trials) -> Frontier:
    """Return a frontier, nothing known from before."""
    stage = search.stage(plan, "search")
    with tempfile.TemporaryDirectory() as cache:
        table = measure_sensitivity(stage.measured, stage.candidates.by_site, stage.question, trials, Path(cache))
    return frontier(table.cost, table.sensitivity)


def candidates(settings: Settings) -> Candidates:
    """Return both ways to fill the table of sensitivities and costs; each begins with the conversion of the plan."""
    trials = settings.trials()
    plan = settings.plan(trials)
    return {REUSED: lambda: reused(plan, settings, trials), WHOLE: lambda: whole(plan, settings, trials)}


def reused(plan: Plan, settings: Settings, trials: Trials) -> list[tuple[float, float]]:
    """Return sensitivity and cost of every candidate as a search gets them, nothing known from before."""
    with tempfile.TemporaryDirectory() as cache:
        table = measure_sensitivity(plan, settings.asked(plan), settings.question, trials, Path(cache))
    pairs = zip(table.sensitivity, table.cost, strict=True)
    return [pair for sensitivity, cost in pairs for pair in zip(sensitivity, cost, strict=True)]


@torch.no_grad()
def whole(plan: Plan, settings: Settings, trials: Trials) -> list[tuple[float, float]]:
    """Return the same from a whole run of the spiking network for each candidate."""
    base = trials.convert(plan)
    inputs = (next(iter(trials.data.calibration))[0][: settings.samples],)
    wanted, distance = trials.graph(*inputs), distance_of(settings.question.distance, trials.judgement)
    found = []
    for site, own in base.site_neurons():
        for neuron in settings.asked(plan)[site.name]:
            changed = neuron.build(site, SiteStats(own.threshold, own.initial, own.offset), settings.timesteps)
            changed.backend = own.backend
            neurons = {other.name: kept for other, kept in base.site_neurons()} | {site.name: changed}
            model = SpikingModel(trials.graph, plan, neurons, settings.timesteps)
            output = model(*inputs)
            events = sum(float(values.mean()) for values in accumulations(model, only=site).values())
            found.append((distance(output, wanted), Horowitz().ac_pj * events * PJ_TO_MJ))
    return found
