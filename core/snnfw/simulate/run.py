"""Simulate a spiking model on evaluation data: in chunks of timesteps, scored at every checkpoint of one pass."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch.utils import _pytree as pytree

from snnfw.capture.graph import Graph
from snnfw.conversion.activations import require_batch, to_device
from snnfw.errors import SnnfwError
from snnfw.ranks.group import ALONE, Ranks
from snnfw.ranks.noise import own_noise
from snnfw.ranks.parts import consecutive, share_of
from snnfw.simulate.group import Group, group_batches, samples_within_a_step
from snnfw.simulate.kept import Counts, Sums, Tally, pass_state, restore_pass, usable
from snnfw.simulate.states import State, merge_state, state_of
from snnfw.simulate.trace import Point, Trace
from snnfw.spiking.model import SpikingModel
from snnfw.store.progress import Part
from snnfw.values import Batch, Batches, Data, ExitRule, Inputs, Output, Resources, Scorer
from snnfw.values.samples import count_batches


@dataclass(frozen=True, slots=True)
class _Share:
    """What one of several processes has seen: at each checkpoint a scorer's state and sums."""

    tallies: Mapping[int, tuple[State, Sums]]
    counts: Counts


@torch.no_grad()
def simulate(
    model: SpikingModel,
    evaluation: Batches[Batch],
    checkpoints: Sequence[int],
    scorer: Callable[[], Scorer],
    resources: Resources,
    exit_rule: ExitRule | None = None,
    ranks: Ranks = ALONE,
    part: Part | None = None,
) -> Trace:
    """Return the trace of a run over all evaluation samples, up to the last of ``checkpoints``.

    Each of several processes runs its part of the batches, and all of them return the trace of all samples.

    With an exit rule, samples leave the batch with the output they have; at later checkpoints they are scored with it
    and cost nothing more. What is left of a batch would soon be too small to be worth a timestep, so that several
    batches go together: as many as a run without exits has timesteps in memory, if they fit.

    ``part`` keeps what was counted after each group, and the run goes on behind what it has found; each of several
    processes has its own.
    """
    tallies = {timestep: Tally(_fresh(scorer, ranks)) for timestep in sorted(checkpoints)}
    part = usable(part, tallies[max(tallies)].scorer)
    most = max(tallies) if exit_rule else 1
    with own_noise(ranks, resources.seed, resources.device):
        counts = restore_pass(part, tallies)
        start = time.perf_counter() - counts.seconds
        ready = _checked_batches(evaluation, resources, len(model.graph.inputs), ranks, counts.batches)
        for batches in group_batches(ready, most, samples_within_a_step(model, resources.memory)):
            group = Group(model, batches, resources.memory)
            _run_group(group, tallies, exit_rule)
            counts.add(group, time.perf_counter() - start)
            if part:
                part.keep(partial(pass_state, counts, tallies))
    if part:
        part.keep(partial(pass_state, counts, tallies), last=True)
    if ranks.count > 1:
        shared = {timestep: (state_of(tally.scorer), tally.sums) for timestep, tally in tallies.items()}
        shares = ranks.gather(_Share(shared, counts))
        tallies = {timestep: _merge(scorer(), [share.tallies[timestep] for share in shares]) for timestep in tallies}
        counts = Counts.over([share.counts for share in shares])
    if not counts.samples:
        raise SnnfwError("there is no evaluation data: the data set is empty.")
    points = tuple(_point(timestep, tally, counts.samples) for timestep, tally in tallies.items())
    return Trace(points, counts.samples, counts.seconds, dict(sorted(counts.exits.items())), counts.chunk)


@torch.no_grad()
def evaluate_network(
    graph: Graph,
    data: Data,
    scorer_of: Callable[[], Scorer],
    resources: Resources,
    ranks: Ranks = ALONE,
    part: Part | None = None,
) -> tuple[Mapping[str, float], float]:
    """Return the network's own scores on the same data, and the seconds that it took.

    Of frames it gives the mean of its outputs for each. Each of several processes takes its part of the batches, and
    all of them return the scores of all. ``part`` keeps what was scored, as that of a simulation.
    """
    tally, whole = Tally(_fresh(scorer_of, ranks)), consecutive(len(data.evaluation), ranks)
    part = usable(part, tally.scorer)
    with own_noise(ranks, resources.seed, resources.device):
        counts = restore_pass(part, {0: tally})
        start, own = time.perf_counter() - counts.seconds, whole[counts.batches :]
        batches = resources.track(share_of(data.evaluation, own), "evaluate the network", len(own))
        for index, batch in enumerate(batches, own.start):
            require_batch(batch, f"evaluation batch {index}", len(graph.inputs))
            output = network_output(graph, to_device(batch.inputs, resources.device), data.frames)
            tally.scorer.update(output, batch.target)
            counts.batches, counts.seconds = counts.batches + 1, time.perf_counter() - start
            if part:
                part.keep(partial(pass_state, counts, {0: tally}), last=counts.batches == len(whole))
    scorer, seconds = tally.scorer, counts.seconds
    if ranks.count > 1:
        shares = ranks.gather((state_of(scorer), seconds))
        scorer, seconds = scorer_of(), max(seconds for _, seconds in shares)
        for state, _ in shares:
            merge_state(scorer, state)
    return scorer.compute(), seconds


def network_output(graph: Graph, inputs: Inputs, frames: int | None) -> Output:
    """Return the network's output, of frames the mean of its outputs for each."""
    if frames is None:
        return graph(*inputs)
    each = graph(*(tensor.flatten(0, 1) for tensor in inputs))
    return pytree.tree_map(lambda leaf: leaf.unflatten(0, (-1, frames)).mean(1), each)


def _fresh(scorer: Callable[[], Scorer], ranks: Ranks) -> Scorer:
    """Return a scorer that has seen nothing, and whose part of the samples makes the whole where there are others."""
    made = scorer()
    if ranks.count > 1:
        state_of(made)  # or it says, before anything is computed, that it cannot
    return made


def _merge(scorer: Scorer, shares: Sequence[tuple[State, Sums]]) -> Tally:
    """Return what processes have counted at one checkpoint as one, in the order of their batches."""
    whole = Tally(scorer)
    for state, sums in shares:
        merge_state(whole.scorer, state)
        whole.sums.steps.extend(sums.steps)
        whole.sums.reads.extend(sums.reads)
        for kept, more in ((whole.sums.spikes, sums.spikes), (whole.sums.accumulations, sums.accumulations)):
            for name, values in more.items():
                kept.setdefault(name, array("d")).extend(values)
    return whole


def _checked_batches(
    evaluation: Batches[Batch], resources: Resources, arguments: int, ranks: Ranks, done: int
) -> Iterator[Batch]:
    """Yield every batch of this process that is not done, checked, its inputs on the device."""
    own = consecutive(count_batches(evaluation, "the evaluation data"), ranks)[done:]
    for index, batch in enumerate(resources.track(share_of(evaluation, own), "simulate", len(own)), own.start):
        given = require_batch(batch, f"evaluation batch {index}", arguments)
        yield replace(given, inputs=to_device(given.inputs, resources.device))


def _run_group(group: Group, tallies: Mapping[int, Tally], exit_rule: ExitRule | None) -> None:
    """Run up to the last checkpoint and add to every tally on the way."""
    last = max(tallies)
    for timestep in range(1, last + 1) if exit_rule else tallies:
        if exit_rule:
            group.step(exit_rule, last, checkpoint=timestep in tallies)
        else:
            group.advance_to(timestep)
        if timestep in tallies:
            _add(tallies[timestep], group)


def _add(tally: Tally, group: Group) -> None:
    for output, target in group.outputs():
        tally.scorer.update(output, target)
    sums = tally.sums
    sums.steps.extend(group.sums(group.steps))
    sums.reads.extend(group.sums(group.reads))
    for kept, values in ((sums.spikes, group.spikes), (sums.accumulations, group.accumulations)):
        for name, counts in values.items():
            kept.setdefault(name, array("d")).extend(group.sums(counts))


def _point(timestep: int, tally: Tally, samples: int) -> Point:
    return Point(
        timestep=timestep,
        scores=tally.scorer.compute(),
        steps=sum(tally.sums.steps) / samples,
        reads=sum(tally.sums.reads) / samples,
        spikes={name: sum(each) / samples for name, each in tally.sums.spikes.items()},
        accumulations={name: sum(each) / samples for name, each in tally.sums.accumulations.items()},
        scorer=tally.scorer,
    )
