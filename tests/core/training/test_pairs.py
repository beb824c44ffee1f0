"""A target of any kind comes through Lightning's hands whole."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from torch import Tensor

from snnfw.training.pairs import make_pair, split_pair


@dataclass(frozen=True, slots=True)
class Facts:
    boxes: Tensor


def test_tensors_move_and_the_rest_stays_as_it_is() -> None:
    facts = Facts(torch.ones(2))
    target = {"label": torch.zeros(3), "facts": (facts, None, "name")}
    inputs, found = split_pair(move_data_to_device(make_pair((torch.ones(1),), target), torch.device("meta")))
    assert inputs[0].is_meta
    assert found["label"].is_meta
    assert found["facts"][0] is facts
    assert found["facts"][1:] == (None, "name")
