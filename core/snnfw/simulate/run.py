"""Simulate a spiking model on evaluation data: in chunks of timesteps, scored at every checkpoint of one pass."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from snnfw.capture.graph import Graph, Where, split_batch
from snnfw.contracts import Batch, Batches, Bundle, ExitRule, Inputs, Output, Resources, Scorer
from snnfw.convert.observe import checked, moved
from snnfw.errors import SnnfwError
from snnfw.simulate.events import accumulations, spikes
from snnfw.simulate.memory import steps_within
from snnfw.simulate.trace import Point, Trace
from snnfw.spiking.model import SpikingModel

Totals = dict[str, float]


@dataclass(slots=True)
class _Tally:
    """Running sums of one checkpoint."""

    scorer: Scorer
    steps: float = 0.0
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
    and cost nothing more.
    """
    tallies = {timestep: _Tally(scorer()) for timestep in sorted(checkpoints)}
    exits: Counter[int] = Counter()
    samples = chunk = 0
    start = time.perf_counter()
    for index, batch in enumerate(resources.track(evaluation, "simulate", len(evaluation))):
        inputs = moved(checked(batch.inputs, f"evaluation batch {index}"), resources.device)
        run = _BatchRun(model, inputs, batch.target, resources.memory)
        run.through(tallies, exit_rule)
        exits.update(run.exits)
        samples, chunk = samples + len(inputs[0]), max(chunk, run.chunk)
    if not samples:
        raise SnnfwError("there is no evaluation data: the data set is empty.")
    seconds = time.perf_counter() - start
    points = tuple(_point(timestep, tally, samples) for timestep, tally in tallies.items())
    return Trace(points, samples, seconds, dict(sorted(exits.items())), chunk)


@torch.no_grad()
def evaluate_network(graph: Graph, bundle: Bundle, resources: Resources) -> tuple[Mapping[str, float], float]:
    """Return the network's own scores on the same data, and the seconds that it took."""
    scorer = bundle.scorer()
    start = time.perf_counter()
    for batch in resources.track(bundle.evaluation, "evaluate the network", len(bundle.evaluation)):
        scorer.update(graph(*moved(batch.inputs, resources.device)), batch.target)
    return scorer.compute(), time.perf_counter() - start


class _BatchRun:
    """One batch on its way through the timesteps: which samples go on, and what the others left with."""

    def __init__(self, model: SpikingModel, inputs: Inputs, target: Any, memory: int) -> None:
        self.model, self.inputs, self.target = model, inputs, target
        self.samples = len(inputs[0])
        self.chunk = 0
        self.longest = steps_within(model, self.samples, memory)
        self.active = torch.arange(self.samples, device=inputs[0].device)
        self.exits: Counter[int] = Counter()
        self.output: Output = None
        self.spikes: dict[str, Tensor] = {}
        self.accumulations: dict[str, Tensor] = {}
        self.steps = torch.zeros(self.samples, dtype=torch.float64)

    def through(self, tallies: Mapping[int, _Tally], exit_rule: ExitRule | None) -> None:
        """Run up to the last checkpoint and add to every tally on the way."""
        last = max(tallies)
        self.model.begin(self.inputs)
        for timestep in range(1, last + 1) if exit_rule else tallies:
            if len(self.active):
                self._advance_to(timestep)
                self._note(timestep)
                if exit_rule:
                    self._let_go(exit_rule, timestep, last)
            if timestep in tallies:
                self._tally(tallies[timestep])

    def _advance_to(self, timestep: int) -> None:
        while self.model.elapsed < timestep:
            steps = min(self.longest, timestep - self.model.elapsed)
            self.chunk = max(self.chunk, steps)
            self.model.advance(steps)

    def _note(self, timestep: int) -> None:
        """Keep the output and the counts of the samples that are still computed."""
        self.output = _placed(self.output, self.model.read(), self.active, self.samples, self._where())
        for kept, counted in ((self.spikes, spikes), (self.accumulations, accumulations)):
            for name, values in counted(self.model).items():
                kept.setdefault(name, torch.zeros(self.samples, dtype=torch.float64)).index_copy_(
                    0, self.active.cpu(), values.cpu()
                )
        self.steps[self.active.cpu()] = timestep

    def _let_go(self, exit_rule: ExitRule, timestep: int, last: int) -> None:
        done = exit_rule.done(self.model.read(), timestep, last).to(self.active.device)
        leaving = len(self.active) if timestep == last else int(done.sum())
        if leaving:
            self.exits[timestep] += leaving
        stay = torch.nonzero(~done).flatten()
        if len(stay) < len(self.active):
            self.active = self.active[stay]
            if len(stay):
                self.model.keep(stay)

    def _tally(self, tally: _Tally) -> None:
        tally.scorer.update(self.output, self.target)
        tally.steps += float(self.steps.sum())
        for sums, values in ((tally.spikes, self.spikes), (tally.accumulations, self.accumulations)):
            for name, counts in values.items():
                sums[name] = sums.get(name, 0.0) + float(counts.sum())

    def _where(self) -> Where:
        graph = self.model.graph
        return tuple(graph.where[read.name] for read in graph.output.all_input_nodes)


def _placed(output: Output, current: Output, active: Tensor, samples: int, places: Where) -> Output:
    """Return the output for the whole batch: the current one where samples are active, the last one elsewhere."""
    if output is None or len(active) == samples:
        return current
    old, spec = pytree.tree_flatten(output)
    new = pytree.tree_leaves(current)
    return pytree.tree_unflatten(
        [_replace(o, n, active, place) for o, n, place in zip(old, new, pytree.tree_leaves(places), strict=True)],
        spec,
    )


def _replace(old: Tensor, new: Tensor, active: Tensor, place: Any) -> Tensor:
    whole = old.clone()
    split_batch(whole, place).index_copy_(place.dim + 1, active, split_batch(new, place))
    return whole


def _point(timestep: int, tally: _Tally, samples: int) -> Point:
    return Point(
        timestep=timestep,
        scores=tally.scorer.compute(),
        steps=tally.steps / samples,
        spikes={name: total / samples for name, total in tally.spikes.items()},
        accumulations={name: total / samples for name, total in tally.accumulations.items()},
    )
