from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from snnfw.errors import SnnfwError
from snnfw_tasks.samples.probe import require_fit

if TYPE_CHECKING:
    from torch import Tensor


class Stubborn(nn.Module):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        raise self.error


def refusal(module: nn.Module) -> str:
    with pytest.raises(SnnfwError) as caught:
        require_fit(module, torch.zeros(2, 1, 8, 8), 10, "mine", "digits")
    return str(caught.value)


def test_a_fitting_network_passes_and_is_left_without_hooks() -> None:
    conv = nn.Conv2d(1, 10, 8)
    require_fit(nn.Sequential(conv, nn.Flatten()), torch.zeros(2, 1, 8, 8), 10, "mine", "digits")
    assert not conv._forward_pre_hooks


def test_the_layer_with_other_channels_is_named() -> None:
    assert refusal(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(5, 10, 6), nn.Flatten())) == (
        "model 'mine' does not fit data 'digits': layer '1' expects 5 channels and gets 4 "
        "from samples of shape [1, 8, 8]."
    )


def test_any_other_failure_gives_its_reason() -> None:
    failed = "model 'mine' does not fit data 'digits': it fails on samples of shape [1, 8, 8]:"
    assert refusal(Stubborn(AssertionError("too small.\nSee there."))) == f"{failed} too small."
    assert refusal(Stubborn(AssertionError())) == f"{failed} AssertionError."
    assert refusal(nn.Sequential(nn.Flatten(), nn.Linear(65, 10))).startswith(failed)


def test_a_network_that_writes_to_its_input_leaves_the_example_as_it_is() -> None:
    example = -torch.ones(2, 1, 8, 8)
    require_fit(nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(64, 10)), example, 10, "mine", "digits")
    assert bool((example == -1).all())
