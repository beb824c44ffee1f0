"""Set calibration samples aside for exits and searches, so that these are not fitted on what conversions have seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic

import torch

from snnfw.conversion.activations import require_batch, require_inputs
from snnfw.errors import SnnfwError
from snnfw.values import Batch, Batches, Bundle, Inputs, Item, Judgement
from snnfw.values.samples import count_batches

SHARE = 0.25
"""The share that is set aside where nobody says another one."""

ENOUGH = 32
"""Samples that it has to hold for that: with fewer, thresholds and sensitivities would be mostly noise."""


@dataclass(frozen=True, slots=True)
class Part(Generic[Item]):
    """The samples from ``start`` to ``stop`` of some batches, whose ``sizes`` are known, in batches as they come."""

    batches: Batches[Item]
    sizes: tuple[int, ...]
    start: int
    stop: int
    cut: Callable[[Item, int, int], Item]

    def __iter__(self) -> Iterator[Item]:
        begin = 0
        for batch, size in zip(self.batches, self.sizes, strict=False):
            first, last = max(self.start - begin, 0), min(self.stop - begin, size)
            if first < last:
                yield batch if last - first == size else self.cut(batch, first, last)
            begin += size
            if begin >= self.stop:
                return

    def __len__(self) -> int:
        ends = [sum(self.sizes[: index + 1]) for index in range(len(self.sizes))]
        spans = zip((0, *ends), ends, strict=False)
        return sum(max(self.start, begin) < min(self.stop, end) for begin, end in spans)


@dataclass(frozen=True, slots=True)
class InputsAlone:
    """The inputs of batches, without their targets."""

    batches: Batches[Batch]

    def __iter__(self) -> Iterator[Inputs]:
        for batch in self.batches:
            yield tuple(batch.inputs)

    def __len__(self) -> int:
        return len(self.batches)


def set_aside(bundle: Bundle, share: float | None, fits: bool) -> tuple[Bundle, dict[str, Any]]:
    """Return the bundle whose last calibration samples are for fitting alone, and a record of how many there are.

    Without a ``share`` it is a quarter, where something ``fits`` and that is enough of them; otherwise conversions and
    fits share all samples.

    Raises:
        SnnfwError: a share is asked for that leaves one of both sides without samples, or the calibration samples with
            targets are not as many as those without.

    """
    if share == 0 or (share is None and not fits):
        return bundle, {"own": False}
    sizes, with_targets = batch_sizes(bundle)
    total = sum(sizes)
    aside = round(total * (SHARE if share is None else share))
    alike = bundle.data.tuning is None or sum(with_targets) == total
    if share is None and (aside < ENOUGH or not alike):
        return bundle, {"own": False, "samples": total, "conversion": total}
    if not 0 < aside < total:
        raise SnnfwError(
            f"fitting={share:g} of {total} calibration samples leaves {aside} for fitting and {total - aside} for the "
            "conversion: give more calibration samples, or fitting=0 to share them."
        )
    if not alike:
        raise SnnfwError(
            f"fitting={share:g} needs the same calibration samples with and without targets, and this task has "
            f"{sum(with_targets)} and {total}: leave fitting out."
        )
    split = total - aside
    tuning = bundle.data.tuning
    if tuning is not None:
        tuning = Part(tuning, with_targets, split, total, partial(cut_batch, bundle.judgement))
    data = replace(
        bundle.data,
        calibration=Part(bundle.data.calibration, sizes, 0, split, cut_inputs),
        fitting=Part(bundle.data.calibration, sizes, split, total, cut_inputs),
        tuning=tuning,
    )
    return replace(bundle, data=data), {"own": True, "samples": aside, "conversion": split}


def batch_sizes(bundle: Bundle) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the samples in each calibration batch without and with targets, refusing what is no such batch."""
    arguments, what = len(bundle.example), "calibration batch"
    count_batches(bundle.data.calibration, "the calibration data")
    given = (
        require_inputs(inputs, f"{what} {index}", arguments) for index, inputs in enumerate(bundle.data.calibration)
    )
    known = (
        require_batch(b, f"{what} {index} with targets", arguments) for index, b in enumerate(bundle.data.tuning or ())
    )
    return tuple(len(each[0]) for each in given), tuple(len(batch.inputs[0]) for batch in known)


def cut_inputs(inputs: Inputs, first: int, last: int) -> Inputs:
    """Return the samples from ``first`` up to ``last``."""
    return tuple(tensor[first:last] for tensor in inputs)


def cut_batch(judgement: Judgement, batch: Batch, first: int, last: int) -> Batch:
    """Return the samples from ``first`` up to ``last``, with their targets."""
    return Batch(cut_inputs(batch.inputs, first, last), judgement.target_of(batch.target, torch.arange(first, last)))
