"""Candidates are converted with some samples and judged on others, and the evaluation data has no part in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from snnfw.errors import SnnfwError
from snnfw.stages import Subject
from snnfw.tuning.ground import Ground, choose_groups, halve, hold_out, watch_network
from snnfw.tuning.witness import GROUPS
from snnfw.values import Batch, Data, Inputs


class Unseen:
    """Evaluation data that nobody may look at."""

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("the test data was looked at")


def of_task(subject: Subject, samples: int = 20, size: int = 8, known: bool = True) -> Subject:
    """Return the subject with calibration data as tasks give it, of numbered samples."""
    x = torch.arange(float(samples), dtype=torch.float64)[:, None].expand(samples, 8)
    inputs: list[Inputs] = [(part,) for part in x.split(size)]
    batches = [Batch((part,), part[:, 0].long() % 3) for part in x.split(5)]
    data = Data(inputs, Unseen(), batches if known else None)
    return replace(subject, bundle=replace(subject.bundle, data=data))


def numbers(batches: Any) -> list[int]:
    return [int(n) for batch in batches for n in getattr(batch, "inputs", batch)[0][:, 0]]


@pytest.mark.parametrize("size", [3, 8, 20])
def test_no_sample_both_converts_and_judges(subject: Subject, size: int) -> None:
    ground = hold_out(of_task(subject, size=size), 0.75)
    part = ground.judged_by(15, None, 0, confirm=True).bundle.data
    assert numbers(part.calibration) == [0, 1, 2, 3, 4]
    assert numbers(part.evaluation) == numbers(part.tuning) == numbers(part.fitting) == list(range(5, 20))
    assert (ground.samples, ground.converting, ground.picking) == (15, 5, 5)
    few = ground.judged_by(4, 2, 0).bundle.data
    assert (numbers(few.calibration), numbers(few.evaluation)) == ([0, 1], [0, 1, 2, 3])
    halves = [numbers(half) for half in halve(ground.subject, [*ground.known[0], *ground.held[0]])]
    assert halves == [list(range(10)), list(range(10, 20))]
    assert isinstance(ground.subject.bundle.data.evaluation, Unseen)


def test_what_does_not_fit_the_memory_is_read_again(subject: Subject) -> None:
    small = replace(of_task(subject), resources=replace(subject.resources, memory=1))
    ground = hold_out(small, 0.5)
    assert not isinstance(ground.held[0], list)
    assert numbers(ground.judged_by(10, None, 0, confirm=True).bundle.data.evaluation) == list(range(10, 20))


@pytest.mark.parametrize(
    ("samples", "share", "known", "said"),
    [(20, 0.01, True, "leaves 20 to convert"), (2, 0.9, True, "validate=0.9"), (20, 0.5, False, "no targets")],
)
def test_too_few_samples_or_no_targets_are_refused(
    subject: Subject, samples: int, share: float, known: bool, said: str
) -> None:
    with pytest.raises(SnnfwError, match=said):
        hold_out(of_task(subject, samples, known=known), share)


def test_the_network_is_watched_on_the_same_samples(ground: Ground) -> None:
    seen = watch_network(ground, 40, 0)
    assert len(seen.parts) == 40
    assert seen.headline == pytest.approx(sum(seen.parts) / 40)
    assert len(watch_network(ground, 40, 10).parts) == 10


def test_groups_are_for_headlines_that_are_no_mean(ground: Ground) -> None:
    assert choose_groups(ground, 50) == 0
    judgement = replace(ground.subject.bundle.judgement, correct=None)
    bundle = replace(ground.subject.bundle, judgement=judgement)
    other = replace(ground, subject=replace(ground.subject, bundle=bundle))
    assert choose_groups(other, 50) == GROUPS
