"""What candidates are measured on: some samples to convert with, and others, with targets, that no conversion sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from snnfw.errors import SnnfwError
from snnfw.search.fitting import InputsAlone, Part, batch_sizes, cut_batch, cut_inputs
from snnfw.simulate.outputs import outputs_of
from snnfw.simulate.run import evaluate_network
from snnfw.stages import Subject
from snnfw.tuning.witness import GROUPS, Seen, Witness, summarise
from snnfw.values import Batch, Batches, Inputs, tell_nothing, track_nothing
from snnfw.values.resources import Clock

FEWEST = 48
"""Samples to pick by on the first rung."""

CALIBRATE = 64
"""Samples that the first rungs convert with."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A network and samples: ``inputs`` to convert with, and with targets ``known`` to pick by and ``held`` to confirm.

    Each has its batches and the samples in each batch. Candidates get the subject with the first of them, in place of
    what its own data holds: its evaluation data has no part in it.
    """

    subject: Subject
    inputs: tuple[Batches[Inputs], tuple[int, ...]]
    known: tuple[Batches[Batch], tuple[int, ...]]
    held: tuple[Batches[Batch], tuple[int, ...]]

    @property
    def samples(self) -> int:
        """Return how many samples are held out."""
        return sum(self.held[1])

    @property
    def picking(self) -> int:
        """Return how many samples there are to pick by."""
        return sum(self.known[1])

    @property
    def converting(self) -> int:
        """Return how many samples there are to convert with."""
        return sum(self.inputs[1])

    def judged_by(self, samples: int, converting: int | None, groups: int, confirm: bool = False) -> Subject:
        """Return the subject with so many samples, which is scored by a witness with so many groups, in silence.

        It is judged by the samples to pick by, or, to ``confirm``, by those that are held out; an exit or a search is
        fitted on the same, as a run's ``fitting`` has it.
        """
        bundle, resources = self.subject.bundle, self.subject.resources
        cut, count = partial(cut_batch, bundle.judgement), min(converting or self.converting, self.converting)
        held: Part[Batch] = Part(*(self.held if confirm else self.known), 0, samples, cut)
        data = replace(
            bundle.data,
            calibration=Part(*self.inputs, 0, count, cut_inputs),
            tuning=held,
            fitting=InputsAlone(held),
            evaluation=held,
        )
        scorer = partial(Witness, bundle.judgement, outputs_of(self.subject.graph), groups)
        judged = replace(bundle, data=data, judgement=replace(bundle.judgement, scorer=scorer))
        quiet = replace(resources, track=track_nothing, tell=tell_nothing, clock=Clock())
        return replace(self.subject, bundle=judged, resources=quiet)

    def to_send(self) -> Ground:
        """Return the ground with what measuring needs alone: nothing that tells, trains or draws goes to a worker."""
        subject = self.subject
        bundle = replace(subject.bundle, training=None, gallery=None, merge=None)
        quiet = replace(subject.resources, track=track_nothing, tell=tell_nothing, clock=Clock())
        return replace(self, subject=replace(subject, bundle=bundle, resources=quiet))


def hold_out(subject: Subject, share: float) -> Ground:
    """Return the ground of a task's subject: the last ``share`` of its calibration samples is held out.

    The others are converted with and picked by: a conversion that saw them without their targets is hardly better on
    them.

    Raises:
        SnnfwError: there are no targets, or too few samples for both sides.

    """
    data, judgement = subject.bundle.data, subject.bundle.judgement
    if data.tuning is None:
        raise SnnfwError(
            "there are no targets for the calibration data, which candidates could be judged by: choose a data set "
            "that has them."
        )
    sizes, known = batch_sizes(subject.bundle)
    total = sum(sizes)
    split = total - round(total * share)
    if not 0 < split < total or sum(known) != total:
        raise SnnfwError(
            f"validate={share:g} of {total} calibration samples ({sum(known)} with targets) leaves {split} to convert "
            f"with and {total - split} to judge on: give more calibration samples, or another share."
        )
    cut = partial(cut_batch, judgement)

    picking: Part[Batch] = Part(data.tuning, known, 0, split, cut)
    held: Part[Batch] = Part(data.tuning, known, split, total, cut)
    return make_ground(subject, Part(data.calibration, sizes, 0, split, cut_inputs), picking, held)


def make_ground(subject: Subject, inputs: Batches[Inputs], known: Batches[Batch], held: Batches[Batch]) -> Ground:
    """Return the ground of samples that are apart already, kept in memory where they fit the budget."""
    most = subject.resources.memory
    inputs_kept = _keep(inputs, most, lambda each: each)
    return Ground(subject, inputs_kept, *(_keep(each, most, lambda batch: batch.inputs) for each in (known, held)))


def halve(subject: Subject, batches: Batches[Batch]) -> tuple[Batches[Batch], Batches[Batch]]:
    """Return the first and the second half of some batches."""
    sizes = tuple(len(batch.inputs[0]) for batch in batches)
    middle, cut = sum(sizes) // 2, partial(cut_batch, subject.bundle.judgement)
    return Part(batches, sizes, 0, middle, cut), Part(batches, sizes, middle, sum(sizes), cut)


def _keep(batches: Any, most: int, inputs_of: Callable[[Any], Inputs]) -> tuple[Any, tuple[int, ...]]:
    """Return batches that are cheap to go through again, where they fit, and the samples in each."""
    kept: list[Any] = []
    sizes: list[int] = []
    left = most
    for batch in batches:
        tensors = inputs_of(batch)
        sizes.append(len(tensors[0]))
        left -= sum(tensor.nbytes for tensor in tensors)
        if left >= 0:
            kept.append(batch)
    return (kept if left >= 0 else batches), tuple(sizes)


def choose_groups(ground: Ground, samples: int) -> int:
    """Return how many groups of samples to judge by: none, where the headline is a mean over samples."""
    return 0 if watch_network(ground, samples, 0, confirm=True).is_mean else GROUPS


def watch_network(ground: Ground, samples: int, groups: int, confirm: bool = False) -> Seen:
    """Return what the network itself does with so many of the samples to pick by, or to confirm on."""
    subject = ground.judged_by(samples, None, groups, confirm)
    witness = Witness(ground.subject.bundle.judgement, outputs_of(subject.graph), groups)
    evaluate_network(subject.graph, subject.bundle.data, lambda: witness, subject.resources)
    return summarise(witness)
