from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from snnfw.errors import SnnfwError
from snnfw_tasks.batches import CheckedBatches, CheckedSamples


@dataclass(frozen=True, slots=True)
class Numbers:
    """Sample i is filled with i and has the label i; sample ``bad`` holds infinity."""

    count: int
    bad: int | None = None

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.full((1, 2), torch.inf if index == self.bad else float(index)), index


def batches(numbers: Numbers, size: int = 2, workers: int = 0) -> CheckedBatches[tuple[Tensor, Tensor]]:
    checked = CheckedSamples(numbers, range(len(numbers)), "evaluation", "numbers", (1, 2), len(numbers))
    return CheckedBatches(checked, size, workers, lambda images, labels: (images, labels))


def test_the_last_batch_holds_what_is_left() -> None:
    loader = batches(Numbers(5))
    assert len(loader) == 3
    assert [labels.tolist() for _, labels in loader] == [[0, 1], [2, 3], [4]]
    assert [images.shape[0] for images, _ in loader] == [2, 2, 1]


def test_the_first_samples_keep_their_order() -> None:
    checked = CheckedSamples(Numbers(5), [4, 2, 0], "calibration", "numbers", (1, 2), 5)
    assert [checked.first(2)[position][1] for position in range(2)] == [4, 2]
    assert len(checked.first(9)) == 3


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_sample_is_named_also_by_a_worker_process(workers: int) -> None:
    with pytest.raises(SnnfwError) as caught:
        list(batches(Numbers(4, bad=3), workers=workers))
    assert str(caught.value) == ("evaluation data holds NaN or infinity: repair or remove sample 3 of data 'numbers'.")


def test_reading_batches_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    list(batches(Numbers(3)))
    assert torch.get_rng_state().equal(before)
