from __future__ import annotations

import torch
from torch import nn

from snnfw_tasks.models.vgg import Vgg


def test_every_stage_ends_in_max_pooling() -> None:
    network = Vgg(widths=(4, 6), channels=1, classes=7).eval()
    kinds = [type(module) for module in network.features]
    stage = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] * 2 + [nn.MaxPool2d]
    assert kinds == stage * 2
    assert isinstance(network.classifier, nn.Linear)
    assert network(torch.zeros(2, 1, 8, 8)).shape == network(torch.zeros(2, 1, 32, 32)).shape == (2, 7)
