from __future__ import annotations

from dataclasses import dataclass
from functools import partial

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
