from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from snnfw.errors import SnnfwError
from snnfw_tasks.samples.batches import LoadedBatches, as_batch, batch_checked, training_batches
from snnfw_tasks.samples.checked import CheckedSamples
from snnfw_tasks.samples.classifier import check_labelled


@dataclass(frozen=True, slots=True)
class Numbers:
    """Sample i is filled with i and has the label i; sample ``bad`` holds infinity."""

    count: int
    bad: int | None = None

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.full((1, 2), torch.inf if index == self.bad else float(index)), index


def checked(numbers: Numbers, split: str) -> CheckedSamples[tuple[Tensor, int]]:
    check = partial(check_labelled, (1, 2), len(numbers))
    return CheckedSamples(numbers, range(len(numbers)), split, "numbers", check)


def batches(numbers: Numbers, size: int = 2, workers: int = 0) -> LoadedBatches[tuple[Tensor, Tensor]]:
    return batch_checked(checked(numbers, "evaluation"), size, workers, lambda images, labels: (images, labels))


def test_the_last_batch_holds_what_is_left() -> None:
    loader = batches(Numbers(5))
    assert len(loader) == 3
    assert [labels.tolist() for _, labels in loader] == [[0, 1], [2, 3], [4]]
    assert [images.shape[0] for images, _ in loader] == [2, 2, 1]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_sample_is_named_also_by_a_worker_process(workers: int) -> None:
    with pytest.raises(SnnfwError) as caught:
        list(batches(Numbers(4, bad=3), workers=workers))
    assert str(caught.value) == ("evaluation data holds NaN or infinity: repair or remove sample 3 of data 'numbers'.")


def test_reading_batches_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    list(batches(Numbers(3)))
    assert torch.get_rng_state().equal(before)


def test_training_batches_are_full_and_in_an_order_of_the_seed() -> None:
    def labels(seed: int) -> list[list[int]]:
        loader = training_batches(lambda: checked(Numbers(7), "training"), "numbers", as_batch, 3, 0, seed)
        return [batch.target.tolist() for batch in loader]

    assert [len(batch) for batch in labels(0)] == [3, 3]
    assert labels(0) == labels(0) != labels(1)


def test_one_sample_is_too_few_to_train_with() -> None:
    with pytest.raises(SnnfwError) as caught:
        training_batches(lambda: checked(Numbers(1), "training"), "numbers", as_batch, 3, 0, 0)
    assert str(caught.value) == "data 'numbers' has 1 training numbers, 2 or more are needed."


class Reading:
    """Note which samples are read."""

    def __init__(self, count: int) -> None:
        self.count, self.read = count, list[int]()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> int:
        self.read.append(index)
        return index


def numbered(samples: Reading, seed: int | None) -> LoadedBatches[list[int]]:
    return LoadedBatches(samples, 3, 0, lambda items: (items, None), lambda items, _: list(items), seed)


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("positions", [range(1, 3), range(1, 4, 2), range(2), range(3, 3)])
def test_a_part_is_what_the_whole_has_there_and_reads_nothing_else(seed: int | None, positions: range) -> None:
    whole = list(numbered(Reading(12), seed))
    samples = Reading(12)
    part = numbered(samples, seed).part(positions)
    assert list(part) == [whole[position] for position in positions]
    assert len(part) == len(positions)
    assert samples.read == [index for position in positions for index in whole[position]]


def test_workers_of_two_parts_draw_other_noise_in_the_same_order() -> None:
    def noisy(positions: range) -> list[tuple[list[int], float]]:
        batches = LoadedBatches(Noisy(), 2, 1, lambda items: (items, None), lambda items, _: items, 5)
        return [([index for index, _ in batch], batch[0][1]) for batch in batches.part(positions)]

    first, second = noisy(range(0, 4, 2)), noisy(range(1, 4, 2))
    assert sorted(index for part in (first, second) for indices, _ in part for index in indices) == list(range(8))
    assert not {draw for _, draw in first} & {draw for _, draw in second}


class Noisy:
    """Draw where a sample is read."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[int, float]:
        return index, float(torch.rand(()))


@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_is_read_ahead_than_two_batches_for_each_process(workers: int, tmp_path: Path) -> None:
    class Written(Numbers):
        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            (tmp_path / str(index)).touch()
            return Numbers.__getitem__(self, index)

    loader = iter(batches(Written(100), size=1, workers=workers))
    for _ in range(5):
        next(loader)
    time.sleep(0.3)
    assert len(list(tmp_path.iterdir())) == 5 + 2 * workers
