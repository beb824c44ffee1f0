from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
import torch

from snnfw.errors import SnnfwError
from snnfw_tasks.segmentation.scores import (
    PixelScores,
    cross_entropy,
    pixel_logits,
    resize_logits,
    share_changed,
    share_correct,
)

CLASSES = ("background", "cat", "dog")


def logits(labels: list[list[list[int]]], classes: int = 3) -> torch.Tensor:
    """Return logits [N, K, H, W] whose largest are at these labels."""
    return torch.nn.functional.one_hot(torch.tensor(labels), classes).permute(0, 3, 1, 2).float()


def test_scores_are_those_of_all_pixels_together() -> None:
    scorer = PixelScores(CLASSES)
    scorer.update(logits([[[0, 0, 1, 1]]]), torch.tensor([[[0, 1, 1, 255]]]))
    scorer.update({"out": logits([[[1, 1, 0, 0]]])}, torch.tensor([[[1, 0, 0, 0]]]))

    # background: 3 right, 1 missed, 1 too many; cat: 2 right, 1 missed, 1 too many; no dog anywhere.
    assert scorer.compute() == pytest.approx(
        {"mIoU": (3 / 5 + 2 / 4) / 2, "pixel accuracy": 5 / 7, "mIoU/background": 3 / 5, "mIoU/cat": 2 / 4}
    )


def test_a_class_that_is_only_answered_counts() -> None:
    scorer = PixelScores(CLASSES)
    scorer.update(logits([[[0, 2]]]), torch.tensor([[[0, 0]]]))

    assert scorer.compute() == pytest.approx(
        {"mIoU": 0.25, "pixel accuracy": 0.5, "mIoU/background": 0.5, "mIoU/dog": 0.0}
    )


def test_coarse_logits_are_interpolated_to_the_labels_size() -> None:
    coarse = torch.tensor([[[[0.0, 1.0]], [[1.0, 0.0]]]])

    assert resize_logits(coarse, torch.zeros(1, 1, 4)).argmax(1).tolist() == [[[1, 1, 0, 0]]]
    assert share_correct(coarse, torch.tensor([[[1, 1, 1, 0]]])).tolist() == [0.75]
    same = torch.rand(1, 2, 3, 3)
    assert resize_logits(same, torch.zeros(1, 3, 3)) is same


def test_the_share_that_is_right_leaves_out_void() -> None:
    target = torch.tensor([[[0, 1, 255, 255]], [[2, 2, 0, 0]], [[255, 255, 255, 255]]])
    output = logits([[[0, 0, 0, 0]], [[2, 2, 0, 0]], [[0, 0, 0, 0]]])

    assert share_correct(output, target).tolist() == [0.5, 1.0, 0.0]


def test_outputs_are_as_far_apart_as_pixels_change_class() -> None:
    here, there = logits([[[0, 1, 2, 0]], [[1, 1, 1, 1]]]), logits([[[0, 1, 0, 0]], [[1, 1, 1, 1]]])

    assert share_changed(here, {"out": there}).tolist() == [0.25, 0.0]


def test_the_loss_is_the_mean_over_labelled_pixels() -> None:
    output = torch.tensor([[[[0.0, 5.0]], [[0.0, -5.0]]]])

    assert cross_entropy(output, torch.tensor([[[0, 255]]]), 0.0).item() == pytest.approx(0.6931, abs=1e-4)
    assert cross_entropy(output, torch.tensor([[[0, 0]]]), 0.1) > cross_entropy(output, torch.tensor([[[0, 0]]]), 0.0)


def test_a_batch_without_a_label_is_no_training_data() -> None:
    with pytest.raises(SnnfwError) as caught:
        cross_entropy(torch.zeros(2, 3, 1, 2), torch.full((2, 1, 2), 255), 0.0)
    assert str(caught.value) == (
        "no pixel of a batch of 2 training images is labelled, so nothing can be learnt of it: check the masks, or raise "
        "trainer.batch where few are labelled."
    )


def test_nan_is_an_error_and_no_wrong_answer() -> None:
    with pytest.raises(SnnfwError) as caught:
        PixelScores(CLASSES).update(torch.full((1, 3, 2, 2), torch.nan), torch.zeros(1, 2, 2, dtype=torch.long))
    assert str(caught.value) == (
        "the network's output holds NaN, so no class can be chosen: check the network's weights."
    )


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            torch.zeros(2, 10),
            "the network returns a tensor of shape [2, 10]: a network for segmentation returns logits [N, K, H, W], "
            "or a dict that holds them as 'out'.",
        ),
        (
            (torch.zeros(2, 3, 4, 4),),
            "the network returns a tuple: a network for segmentation returns logits [N, K, H, W], "
            "or a dict that holds them as 'out'.",
        ),
        (
            OrderedDict(logits=torch.zeros(2, 3, 4, 4), aux=None),
            "the network returns a dict with the keys ['aux', 'logits']: a network for segmentation returns logits "
            "[N, K, H, W], or a dict that holds them as 'out'.",
        ),
        (
            {"out": torch.zeros(2, 3)},
            "the network returns a tensor of shape [2, 3]: a network for segmentation returns logits [N, K, H, W], "
            "or a dict that holds them as 'out'.",
        ),
    ],
)
def test_other_outputs_are_refused(output: Any, message: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        pixel_logits(output)
    assert str(caught.value) == message
