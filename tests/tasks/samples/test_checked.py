from __future__ import annotations

import torch
from torch import Tensor

from snnfw_tasks.samples.checked import CheckedSamples, check_all


def told(sample: int, where: str, split: str) -> tuple[Tensor, Tensor]:
    """Check nothing, and return the sample with the lengths of what an error would say."""
    return torch.tensor([float(sample)]), torch.tensor([len(where), len(split)])


def some(indices: list[int], noun: str = "sample") -> CheckedSamples[int]:
    return CheckedSamples([10, 20, 30, 40, 50], indices, "calibration", "given", told, noun)


def test_the_first_samples_keep_their_order() -> None:
    checked = some([4, 2, 0])
    assert [checked.first(2)[position][0].item() for position in range(2)] == [50, 30]
    assert len(checked.first(9)) == 3


def test_a_check_is_told_how_to_name_the_sample() -> None:
    expected = [len("cloud 2 of data 'given'"), len("calibration")]
    assert torch.as_tensor(some([2], "cloud")[0][1]).tolist() == expected


def test_samples_are_stacked_in_the_order_that_is_asked_for() -> None:
    values, labels = some([4, 2, 0]).stack([2, 0])
    assert values.tolist() == [[10], [50]]
    assert labels.shape == (2, 2)


def test_all_samples_are_for_training() -> None:
    def make(samples: list[int], indices: range, split: str) -> CheckedSamples[int]:
        return CheckedSamples(samples, indices, split, "given", told)

    checked = check_all(make, [1, 2, 3])
    assert (len(checked), checked.split) == (3, "training")
