"""What the code behind papers does otherwise is an option of its own, and makes the network that it says."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet18 as torchvision_resnet18
from torchvision.models import vgg16_bn

from networks import noise
from snnfw.values import Resources
from snnfw_tasks.networks.adapted import Adapted, adapt
from snnfw_tasks.networks.resnet19 import resnet19
from snnfw_tasks.networks.resnet20 import WideBlock, WideResNet20
from snnfw_tasks.networks.small_images import ResNet19Model, ResNet20Model, Vgg16Model
from snnfw_tasks.networks.torchvision_zoo import TorchvisionModel
from snnfw_tasks.networks.vgg import Vgg16


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [m for n, m in network.named_modules() if isinstance(m, nn.Conv2d) and "downsample" not in n]


def test_resnet20_has_nineteen_convolutions_of_64_to_512_channels_and_a_linear_layer() -> None:
    network = WideResNet20()
    widths = [layer.out_channels for layer in convolutions(network)]
    assert widths == [64] * 3 + [64] * 4 + [128] * 4 + [256] * 4 + [512] * 4
    assert sum(isinstance(m, nn.Linear) for m in network.modules()) == 1
    assert sum(isinstance(m, nn.ReLU) for m in network.modules()) == 19
    assert all(layer.bias is None for layer in convolutions(network))
    assert network.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize(("pool", "side"), [(True, 2), (False, 4)])
def test_the_stems_pooling_halves_what_is_left(pool: bool, side: int) -> None:
    network = WideResNet20(width=2, pool=pool).eval()
    assert network.layers(network.stem(torch.zeros(2, 3, 32, 32))).shape[2:] == (side, side)


def test_shortcuts_average_or_stride() -> None:
    x = noise(2, 2, 8, 8)
    for shortcut in ("pooled", "subsampled"):
        block = WideBlock(2, 4, 2, shortcut == "pooled", bias=False).double().eval()
        weight = block.downsample.state_dict()["1.weight"]
        taken = F.avg_pool2d(x, 2) if shortcut == "pooled" else x[:, :, ::2, ::2]
        expected = F.conv2d(taken, weight) / (1 + 1e-5) ** 0.5
        assert torch.allclose(block.downsample(x), expected)


@pytest.mark.parametrize("head", ["mean", "max"])
def test_the_head_takes_the_mean_or_the_maximum_of_the_places(head: str) -> None:
    network = WideResNet20(width=2, head=head).double().eval()
    places = network.layers(network.stem(noise(2, 3, 32, 32)))
    taken = places.mean((2, 3)) if head == "mean" else places.amax((2, 3))
    assert torch.allclose(network(noise(2, 3, 32, 32)), network.fc(taken))


def test_models_build_what_their_options_say() -> None:
    twenty = ResNet20Model(width=2, pool=False, shortcut="subsampled", head="max", bias=True).build(7, Resources())
    assert isinstance(twenty, WideResNet20)
    assert all(layer.bias is not None for layer in convolutions(twenty))
    assert isinstance(twenty.pool, nn.AdaptiveMaxPool2d)
    bare = ResNet19Model(hidden=None, width=2).build(7, Resources())
    assert [m.weight.shape for m in bare.modules() if isinstance(m, nn.Linear)] == [(7, 8)]
    assert len(convolutions(resnet19(hidden=None))) == 17
    small = Vgg16Model(pool="average", bias=True, hidden=(9,), width=8).build(7, Resources())
    assert isinstance(small, Vgg16)
    assert [m.weight.shape for m in small.modules() if isinstance(m, nn.Linear)] == [(9, 64), (7, 9)]
    assert all(layer.bias is not None for layer in convolutions(small))


def test_vgg16_for_imagenet_takes_torchvisions_weights() -> None:
    with torch.device("meta"):
        ours = Vgg16(nn.MaxPool2d, classes=1000, bias=True, hidden=(4096, 4096), places=7, dropout=0.5)
        theirs = vgg16_bn()
    assert {name: value.shape for name, value in ours.state_dict().items()} == {
        name: value.shape for name, value in theirs.state_dict().items()
    }
    assert [type(m) for m in ours.classifier] == [type(m) for m in theirs.classifier]
    assert [type(m) for m in ours.features] == [type(m) for m in theirs.features]


def test_averages_stand_in_for_every_maximum() -> None:
    network = TorchvisionModel("resnet18", pool="average").build(4, Resources()).double().eval()
    assert not any(isinstance(m, nn.MaxPool2d) for m in network.modules())
    twin = torchvision_resnet18(num_classes=4).double().eval()
    twin.load_state_dict(network.state_dict())

    def averaged(x: Tensor) -> Tensor:
        out: Tensor = twin.relu(twin.bn1(twin.conv1(x)))
        out = F.avg_pool2d(out, 3, 2, 1)
        out = twin.layer4(twin.layer3(twin.layer2(twin.layer1(out))))
        logits: Tensor = twin.fc(out.mean((2, 3)))
        return logits

    x = noise(2, 3, 32, 32)
    assert torch.allclose(network(x), averaged(x))


def test_other_inputs_become_three_colours_first() -> None:
    network = TorchvisionModel("resnet18", inputs=18).build(4, Resources()).eval()
    assert isinstance(network, Adapted)
    assert network.adapter.weight.shape == (3, 18, 3, 3)
    assert network(torch.zeros(2, 18, 32, 32)).shape == (2, 4)
    plain = nn.Sequential(nn.Conv2d(3, 2, 1))
    assert adapt(plain) is plain
