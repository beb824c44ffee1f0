from __future__ import annotations

import pytest
import torch
from torch import nn

from snnfw_tasks.networks.cifar_resnet import CifarResNet


def test_depth_counts_convolutions_on_the_way_and_the_linear_layer() -> None:
    network = CifarResNet(depth=20)
    layers = [m for n, m in network.named_modules() if isinstance(m, nn.Conv2d) and "downsample" not in n]
    assert len(layers) + 1 == 20
    assert sum(isinstance(module, nn.ReLU) for module in network.modules()) == 19


def test_every_activation_is_a_module_of_its_own_called_once() -> None:
    network = CifarResNet(depth=8, width=4).eval()
    calls: list[nn.Module] = []
    relus = [module for module in network.modules() if isinstance(module, nn.ReLU)]
    for relu in relus:
        relu.register_forward_hook(lambda module, inputs, output: calls.append(module))
    network(torch.zeros(2, 3, 8, 8))
    assert calls == relus


def test_any_image_size_gives_logits() -> None:
    network = CifarResNet(depth=8, width=4, channels=1, classes=7).eval()
    assert network(torch.zeros(2, 1, 8, 8)).shape == network(torch.zeros(2, 1, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("depth", [2, 18])
def test_other_depths_are_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="depth is 6n"):
        CifarResNet(depth=depth)
