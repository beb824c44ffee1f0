from __future__ import annotations

import torch
from torch import nn

from snnfw_tasks.networks.resnet19 import StagedResNet, resnet19


def test_nineteen_layers_lie_on_the_way() -> None:
    network = resnet19()
    convolutions = [m for n, m in network.named_modules() if isinstance(m, nn.Conv2d) and "downsample" not in n]
    linear = [m for m in network.modules() if isinstance(m, nn.Linear)]
    assert len(convolutions) + len(linear) == 19
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(512, 256), (256, 10)]
    assert convolutions[0].weight.shape == (128, 3, 3, 3)


def test_every_stage_but_the_first_halves_the_image() -> None:
    network = StagedResNet(((2, 1), (3, 2), (4, 1)), None, channels=1, classes=7).eval()
    x = network.relu(network.bn1(network.conv1(torch.zeros(2, 1, 16, 16))))
    shapes = [tuple((x := stage(x)).shape[1:]) for stage in network.layers]
    assert shapes == [(2, 16, 16), (3, 8, 8), (4, 4, 4)]
    assert network(torch.zeros(2, 1, 16, 16)).shape == (2, 7)


def test_every_activation_is_a_module_of_its_own_called_once() -> None:
    network = StagedResNet(((2, 1), (3, 2)), 5).eval()
    calls: list[nn.Module] = []
    relus = [module for module in network.modules() if isinstance(module, nn.ReLU)]
    for relu in relus:
        relu.register_forward_hook(lambda module, inputs, output: calls.append(module))
    network(torch.zeros(2, 3, 8, 8))
    assert len(relus) == 1 + 2 * 3 + 1
    assert calls == relus
