"""Simulate a spiking model on evaluation data: in chunks of timesteps, scored at every checkpoint of one pass."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch.utils import _pytree as pytree

from snnfw.capture.graph import Graph
from snnfw.conversion.activations import require_batch, to_device
from snnfw.errors import SnnfwError
from snnfw.simulate.group import Group, group_batches, samples_within_a_step
from snnfw.simulate.trace import Point, Trace
from snnfw.spiking.model import SpikingModel
from snnfw.values import Batch, Batches, Data, ExitRule, Inputs, Output, Resources, Scorer
from snnfw.values.samples import count_batches

Totals = dict[str, float]


@dataclass(slots=True)
class _Tally:
    """Running sums of one checkpoint."""

    scorer: Scorer
    steps: float = 0.0
    reads: float = 0.0
    spikes: Totals = field(default_factory=dict)
    accumulations: Totals = field(default_factory=dict)


@torch.no_grad()
def simulate(
    model: SpikingModel,
    evaluation: Batches[Batch],
    checkpoints: Sequence[int],
    scorer: Callable[[], Scorer],
    resources: Resources,
    exit_rule: ExitRule | None = None,
) -> Trace:
    """Return the trace of a run over all evaluation samples, up to the last of ``checkpoints``.

    With an exit rule, samples leave the batch with the output they have; at later checkpoints they are scored with it
    and cost nothing more. What is left of a batch would soon be too small to be worth a timestep, so that several
    batches go together: as many as a run without exits has timesteps in memory, if they fit.
    """
    tallies = {timestep: _Tally(scorer()) for timestep in sorted(checkpoints)}
    exits: Counter[int] = Counter()
    samples = chunk = 0
    start = time.perf_counter()
    most = max(tallies) if exit_rule else 1
    ready = _checked_batches(evaluation, resources, len(model.graph.inputs))
    for batches in group_batches(ready, most, samples_within_a_step(model, resources.memory)):
        group = Group(model, batches, resources.memory)
        _run_group(group, tallies, exit_rule)
        exits.update(group.exits)
        samples, chunk = samples + group.samples, max(chunk, group.chunk)
    if not samples:
        raise SnnfwError("there is no evaluation data: the data set is empty.")
    seconds = time.perf_counter() - start
    points = tuple(_point(timestep, tally, samples) for timestep, tally in tallies.items())
    return Trace(points, samples, seconds, dict(sorted(exits.items())), chunk)


@torch.no_grad()
def evaluate_network(
    graph: Graph, data: Data, scorer_of: Callable[[], Scorer], resources: Resources
) -> tuple[Mapping[str, float], float]:
    """Return the network's own scores on the same data, and the seconds that it took.

    Of frames it gives the mean of its outputs for each.
    """
    scorer = scorer_of()
    start = time.perf_counter()
    batches = resources.track(data.evaluation, "evaluate the network", len(data.evaluation))
    for index, batch in enumerate(batches):
        require_batch(batch, f"evaluation batch {index}", len(graph.inputs))
        scorer.update(network_output(graph, to_device(batch.inputs, resources.device), data.frames), batch.target)
    return scorer.compute(), time.perf_counter() - start


def network_output(graph: Graph, inputs: Inputs, frames: int | None) -> Output:
    """Return the network's output, of frames the mean of its outputs for each."""
    if frames is None:
        return graph(*inputs)
    each = graph(*(tensor.flatten(0, 1) for tensor in inputs))
    return pytree.tree_map(lambda leaf: leaf.unflatten(0, (-1, frames)).mean(1), each)


def _checked_batches(evaluation: Batches[Batch], resources: Resources, arguments: int) -> Iterator[Batch]:
    """Yield every batch, checked, its inputs on the device."""
    for index, batch in enumerate(
        resources.track(evaluation, "simulate", count_batches(evaluation, "the evaluation data"))
    ):
        given = require_batch(batch, f"evaluation batch {index}", arguments)
        yield replace(given, inputs=to_device(given.inputs, resources.device))


def _run_group(group: Group, tallies: Mapping[int, _Tally], exit_rule: ExitRule | None) -> None:
    """Run up to the last checkpoint and add to every tally on the way."""
    last = max(tallies)
    for timestep in range(1, last + 1) if exit_rule else tallies:
        if exit_rule:
            group.step(exit_rule, last, checkpoint=timestep in tallies)
        else:
            group.advance_to(timestep)
        if timestep in tallies:
            _add(tallies[timestep], group)


def _add(tally: _Tally, group: Group) -> None:
    for output, target in group.outputs():
        tally.scorer.update(output, target)
    tally.steps += float(group.steps.sum())
    tally.reads += float(group.reads.sum())
    for sums, values in ((tally.spikes, group.spikes), (tally.accumulations, group.accumulations)):
        for name, counts in values.items():
            sums[name] = sums.get(name, 0.0) + float(counts.sum())


def _point(timestep: int, tally: _Tally, samples: int) -> Point:
    return Point(
        timestep=timestep,
        scores=tally.scorer.compute(),
        steps=tally.steps / samples,
        reads=tally.reads / samples,
        spikes={name: total / samples for name, total in tally.spikes.items()},
        accumulations={name: total / samples for name, total in tally.accumulations.items()},
        scorer=tally.scorer,
    )
