from __future__ import annotations

import pytest
import torch

from snnfw.errors import SnnfwError
from snnfw.simulate.accuracy import Accuracy


def test_accuracy_is_the_share_of_right_answers_over_all_batches() -> None:
    scorer = Accuracy(classes=3)
    scorer.update(torch.tensor([[9.0, 0, 0], [0, 9, 0], [0, 0, 9]]), torch.tensor([0, 1, 0]))
    scorer.update(torch.tensor([[0.0, 0, 9]]), torch.tensor([2]))
    assert scorer.compute() == {"accuracy": 0.75}


def test_top_five_is_scored_when_there_are_more_than_five_classes() -> None:
    scorer = Accuracy(classes=7)
    descending = torch.arange(7, 0, -1, dtype=torch.float32).repeat(4, 1)
    scorer.update(descending, torch.tensor([0, 4, 5, 6]))
    assert scorer.compute() == {"accuracy": 0.25, "accuracy_top5": 0.5}


def test_nan_is_an_error_and_not_a_wrong_answer() -> None:
    with pytest.raises(SnnfwError) as caught:
        Accuracy(classes=2).update(torch.tensor([[torch.nan, 0]]), torch.tensor([0]))
    assert str(caught.value) == (
        "the classifier's output holds NaN, so no class can be chosen: check the network's weights."
    )


def test_only_a_tensor_of_logits_is_scored() -> None:
    with pytest.raises(SnnfwError, match=r"^the network returns a tuple: a classifier returns one tensor"):
        Accuracy(classes=2).update((torch.zeros(1, 2),), torch.tensor([0]))
