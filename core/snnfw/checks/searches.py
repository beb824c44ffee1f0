"""Hold a search against its contract, on a small network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

import torch

from snnfw.checks.faults import are_same, faults_or_failure, pickle_faults, record_faults
from snnfw.checks.toy import TIMESTEPS, Toy, ToyNeuron, make_toy
from snnfw.contracts import Neuron, Rule, Search
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.errors import describe_type
from snnfw.planning.placement import Plan, place
from snnfw.search.results import SearchResult
from snnfw.search.trials import Trials
from snnfw.values import Resources


def check_search(search: Search, neuron: Neuron | None = None) -> list[str]:
    """Return the faults of a search, in sentences; empty when it has none.

    ``neuron`` stands at the network's activations, for a search that looks for fields of its own.
    """
    neuron = neuron or ToyNeuron()
    return [*pickle_faults(search), *faults_or_failure(lambda: _faults(search, neuron), "searching a small network")]


def _faults(search: Search, neuron: Neuron) -> Iterator[str]:
    trial = make_toy()
    plan = place(trial.graph, (Rule("*", neuron),))
    before = trial.weights()
    found: object = _run_search(search, trial, plan)
    if not isinstance(found, SearchResult) or not isinstance(found.plan, Plan):
        yield f"search() returns {describe_type(found)}: it must return a snnfw.SearchResult with a plan."
        return
    yield from _plan_faults(found.plan, plan, trial)
    yield from record_faults(found.record, "its record")
    for name, content in found.files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not isinstance(content, str | bytes):
            yield f"its file '{name}' is not text or bytes by a path within the run folder."
    if trial.sealed.read:
        yield "it reads evaluation data: plans are judged on calibration data alone."
    if not are_same(trial.weights(), before):
        yield "it changes the weights of the network or of its graph."
    again = _run_search(search, trial, plan)
    if again.plan.placements != found.plan.placements:
        yield "searching again finds another plan: draw with trials.resources.seed, and keep nothing."


def _run_search(search: Search, trial: Toy, plan: Plan) -> SearchResult:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # as a run does
        data, judgement = trial.bundle.data, trial.bundle.judgement
        trials = Trials(trial.graph, data, judgement, Direct(), TIMESTEPS, Horowitz(), Resources())
        return search.search(plan, trials)


def _plan_faults(found: Plan, given: Plan, trial: Toy) -> Iterator[str]:
    sites = [placement.site.name for placement in given.placements]
    if found.fates.keys() != given.fates.keys() or [p.site.name for p in found.placements] != sites:
        yield "its plan is not one of the network that it was given: change neurons with plan.with_neuron."
        return
    model = Direct().convert(trial.graph, found, trial.bundle.data.calibration, TIMESTEPS, Resources())
    model(*trial.bundle.example)
