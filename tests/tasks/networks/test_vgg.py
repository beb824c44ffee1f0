from __future__ import annotations

import pytest
import torch
from torch import nn

from snnfw_tasks.networks.vgg import Vgg, Vgg16


def test_every_stage_ends_in_max_pooling() -> None:
    network = Vgg(widths=(4, 6), channels=1, classes=7).eval()
    kinds = [type(module) for module in network.features]
    stage = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] * 2 + [nn.MaxPool2d]
    assert kinds == stage * 2
    assert isinstance(network.classifier, nn.Linear)
    assert network(torch.zeros(2, 1, 8, 8)).shape == network(torch.zeros(2, 1, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("pool", [nn.MaxPool2d, nn.AvgPool2d])
def test_vgg16_has_thirteen_convolutions_five_poolings_and_three_linear_layers(pool: type[nn.Module]) -> None:
    network = Vgg16(pool, channels=1, classes=7).eval()
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert [layer.weight.shape[0] for layer in layers] == [
        *(64, 64, 128, 128, 256, 256, 256),
        *[512] * 6,
        *(512, 512, 7),
    ]
    assert sum(isinstance(module, pool) for module in network.modules()) == 5
    assert sum(isinstance(module, nn.ReLU) for module in network.modules()) == 15
    assert network(torch.zeros(2, 1, 32, 32)).shape == network(torch.zeros(2, 1, 48, 48)).shape == (2, 7)
