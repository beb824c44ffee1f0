"""Samples that go through the timesteps together: which of them go on, and what the others left with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from snnfw.energy.events import accumulations, spikes
from snnfw.simulate.memory import bytes_per_step, steps_within
from snnfw.simulate.outputs import outputs_of
from snnfw.spiking.model import SpikingModel
from snnfw.values import Batch, ExitRule, Inputs, Output

WORTH_A_COPY = 1 / 16
"""Share of the model's batch that must have finished before the states of the others are copied.

A copy of all states takes about a tenth of a timestep; until then finished samples cost their share of each timestep.
"""


class Group:
    """The samples of some batches, simulated together, numbered through in the order of the batches.

    ``steps`` [N] counts the timesteps of each sample and ``reads`` [N] how often its output was read: once, unless an
    exit rule looks at it. ``spikes`` and ``accumulations`` hold the events of each site and the accumulate operations
    of each layer, [N] by name, and ``exits`` how many samples left after which timestep.
    """

    def __init__(self, model: SpikingModel, batches: Sequence[Batch], memory: int) -> None:
        self.model, self.batches = model, batches
        inputs = _join(batches)
        self.samples = len(inputs[0])
        self.longest = steps_within(model, self.samples, memory)
        self.chunk = 0
        self.exits: Counter[int] = Counter()
        self.steps = torch.zeros(self.samples, dtype=torch.float64)
        self.reads = torch.zeros(self.samples, dtype=torch.float64)
        self._looks = 0  # how often the exit rule has looked at the output of whoever is still there
        self.spikes: dict[str, Tensor] = {}
        self.accumulations: dict[str, Tensor] = {}
        self._outputs = outputs_of(model.graph)
        self._output: Output = None
        self._present = torch.arange(self.samples, device=inputs[0].device)  # which samples the model's batch holds
        self._going = self._present  # where in the model's batch those are that have not left
        model.begin(inputs)

    def advance_to(self, timestep: int) -> None:
        """Run up to a timestep, from which nobody leaves, and note what every sample has reached."""
        while self.model.elapsed < timestep:
            steps = min(self.longest, timestep - self.model.elapsed)
            self.chunk = max(self.chunk, steps)
            self.model.advance(steps)
        self._note(self.model.read(), self._going)

    def step(self, exit_rule: ExitRule, last: int, checkpoint: bool) -> None:
        """Run one timestep and let samples leave; the others are noted too where it is a checkpoint."""
        if not len(self._going):
            return
        self.model.advance(1)
        self.chunk, timestep = 1, self.model.elapsed
        looks = timestep >= getattr(exit_rule, "earliest", 1)
        if not (looks or checkpoint or timestep == last):
            return
        output = self.model.read()
        done = torch.full((len(self._going),), timestep == last, device=self._going.device)
        if looks:
            self._looks += 1
            seen = output if self._whole(self._going) else self._outputs.select(output, self._going)
            done |= exit_rule.done(seen, timestep, last).to(self._going.device)
        leaving = self._going[done]
        self._note(output, self._going if checkpoint else leaving)
        if len(leaving):
            self.exits[timestep] += len(leaving)
            self._going = self._going[~done]
            self._compact()

    def outputs(self) -> Iterator[tuple[Output, Any]]:
        """Yield for each batch the output that its samples left with, or have reached, and its target."""
        order = torch.arange(self.samples, device=self._present.device)
        sizes = [len(batch.inputs[0]) for batch in self.batches]
        for batch, samples in zip(self.batches, order.split(sizes), strict=True):
            alone = len(samples) == self.samples
            output = self._output if alone else self._outputs.select(self._output, samples)
            yield output, batch.target

    def sums(self, each: Tensor) -> list[float]:
        """Return the sum over the samples of each batch, of one number for every sample."""
        return [float(part.sum()) for part in each.split([len(batch.inputs[0]) for batch in self.batches])]

    def _note(self, output: Output, rows: Tensor) -> None:
        """Keep output, timesteps and counts of the samples at some rows of the model's batch."""
        if self._output is None or len(rows) == self.samples:
            self._output = output
        elif len(rows):
            self._output = self._outputs.replace(self._output, self._present[rows], output, rows)
        if len(rows):
            samples = self._present[rows].cpu()
            self.steps[samples] = self.model.elapsed
            self.reads[samples] = max(1, self._looks)
            chosen = None if self._whole(rows) else rows
            for kept, counted in ((self.spikes, spikes), (self.accumulations, accumulations)):
                for name, values in counted(self.model, chosen).items():
                    whole = kept.setdefault(name, torch.zeros(self.samples, dtype=torch.float64))
                    whole.index_copy_(0, samples, values.cpu())

    def _compact(self) -> None:
        """Take the finished samples out of the model's batch once that pays."""
        if 0 < len(self._going) <= (1 - WORTH_A_COPY) * len(self._present):
            self.model.keep(self._going)
            self._present = self._present[self._going]
            self._going = torch.arange(len(self._present), device=self._present.device)

    def _whole(self, rows: Tensor) -> bool:
        return len(rows) == len(self._present)


def group_batches(batches: Iterable[Batch], most: int, samples: int) -> Iterator[list[Batch]]:
    """Yield successive batches whose inputs can be joined, at most so many of them and so many samples at once."""
    group: list[Batch] = []
    for batch in batches:
        size = sum(len(member.inputs[0]) for member in (*group, batch))
        if group and (len(group) == most or size > samples or _shapes(group[0]) != _shapes(batch)):
            yield group
            group = []
        group.append(batch)
    if group:
        yield group


def samples_within_a_step(model: SpikingModel, memory: int) -> int:
    """Return how many samples may take one timestep together, with what the neurons remember of each."""
    remembered = sum(
        (len(neuron.states) + 1) * model.graph.elements[site.node] * neuron.threshold.element_size()
        for site, neuron in model.site_neurons()
    )
    return memory // max(1, bytes_per_step(model) + remembered)


def _join(batches: Sequence[Batch]) -> Inputs:
    if len(batches) == 1:
        return batches[0].inputs
    return tuple(torch.cat(tensors) for tensors in zip(*(batch.inputs for batch in batches), strict=True))


def _shapes(batch: Batch) -> list[Any]:
    return [(tensor.shape[1:], tensor.dtype) for tensor in batch.inputs]
