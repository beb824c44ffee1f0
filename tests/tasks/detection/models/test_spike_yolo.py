"""SpikeYOLO has the published sizes, merges into dense convolutions, trains, and is served as bits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.conversion.direct import Direct
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.spiking.model import SpikingModel
from snnfw.training.network import TrainingNetwork, mean_over_time
from snnfw.values import Keep, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.ibra import IntegerBinaryRangeAlignment
from snnfw_plugins.ibra.serving import BitSerial
from snnfw_tasks.detection.library import require_ultralytics
from snnfw_tasks.detection.loss import DetectionLoss
from snnfw_tasks.detection.models.architectures import SpikeYoloModel
from snnfw_tasks.detection.models.merging import (
    DepthwiseBracket,
    PaddingNorm,
    Reparameterised,
    merge_convolutions,
)
from snnfw_tasks.detection.models.spike_yolo import BINS, SIZES, STRIDES, Scale, SpikeYolo, decode
from snnfw_tasks.detection.sources import Gains

TINY = Scale(0.0625, 0.33)
PUBLISHED = {"n": 13.2, "s": 23.1, "m": 48.1, "l": 68.8}


def images(count: int = 2) -> Tensor:
    return noise(count, 3, 64, 64).abs()


def estimated(net: nn.Module) -> nn.Module:
    """Give every batch norm estimates, gains and shifts of its own."""
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.uniform_(module.weight, 0.5, 2, generator=generator)
            nn.init.normal_(module.bias, 0, 0.2, generator=generator)
    return net.double().eval()


def tiny() -> nn.Module:
    return seeded(lambda: SpikeYolo(TINY, 3, 4))


@pytest.mark.parametrize("size", SIZES)
def test_sizes_have_the_published_number_of_weights(size: str) -> None:
    with torch.device("meta"):
        net = SpikeYolo(SIZES[size], 80)
    millions = sum(parameter.numel() for parameter in net.parameters()) / 1e6
    assert millions == pytest.approx(PUBLISHED[size], rel=0.01)


def test_a_padding_norm_is_a_norm_of_an_image_padded_with_zeros() -> None:
    net = estimated(PaddingNorm(4))
    x = noise(2, 4, 5, 6)
    assert isinstance(net, PaddingNorm)
    padded = F.batch_norm(
        F.pad(x, (1, 1, 1, 1)), net.running_mean, net.running_var, net.weight, net.bias, False, 0.0, net.eps
    )
    torch.testing.assert_close(net(x), padded)


@pytest.mark.parametrize("make", [partial(DepthwiseBracket, 4, 6), partial(Reparameterised, 4, 6)])
def test_a_re_parameterised_convolution_is_one_dense_convolution(make: partial[nn.Module]) -> None:
    net = nn.Sequential(estimated(seeded(make)))
    x = noise(2, 4, 5, 6)
    apart = net(x)
    merge_convolutions(net)
    assert isinstance(net[0], nn.Conv2d)
    torch.testing.assert_close(net(x), apart)


def test_a_merged_network_has_the_same_outputs() -> None:
    net = estimated(tiny())
    apart = net(images())[0]
    merge_convolutions(net)
    assert not any(isinstance(module, DepthwiseBracket | Reparameterised) for module in net.modules())
    torch.testing.assert_close(net(images())[0], apart, rtol=1e-9, atol=1e-9)


def test_boxes_are_decoded_as_ultralytics_decodes_them() -> None:
    require_ultralytics()
    from ultralytics.nn.modules import Detect

    head = Detect(3, BINS, ch=(8, 8, 8)).double()
    head.stride = torch.tensor([float(stride) for stride in STRIDES])
    sizes = [(8, 6), (4, 3), (2, 2)]
    boxes = noise(2, 4 * BINS, sum(height * width for height, width in sizes)) * 3
    feats = [torch.zeros(2, 1, *size, dtype=torch.float64) for size in sizes]
    theirs = head._get_decode_boxes({"boxes": boxes, "feats": feats})
    torch.testing.assert_close(decode(boxes, sizes, BINS), theirs)


def built(net: nn.Module, neuron: Neuron | Keep, timesteps: int = 1, trainable: bool = False) -> SpikingModel:
    graph = capture(net, (images(),), trainable=trainable)
    plan = place(graph, (Rule("*", neuron),))
    return Direct().convert(graph, plan, [(images(),)], timesteps, Resources())


def test_a_training_computes_what_the_network_itself_does_in_training_mode() -> None:
    ours, theirs = estimated(tiny()), estimated(tiny())
    network = TrainingNetwork(built(ours, Keep(), trainable=True)).train()
    theirs.train()
    found, wanted = mean_over_time(network(images())), theirs(images())
    for name in ("boxes", "scores"):
        torch.testing.assert_close(found[1][name], wanted[1][name])
    for output in (found, wanted):
        (output[1]["boxes"].square().mean() + output[1]["scores"].square().mean()).backward()
    for (name, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(cast("Tensor", one.grad), cast("Tensor", other.grad)), name
    for (name, estimate), wanted_estimate in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        if not name.endswith("num_batches_tracked"):  # which computes nothing
            assert torch.allclose(estimate, wanted_estimate), name


def merged() -> nn.Module:
    net = estimated(tiny())
    merge_convolutions(net)
    return net


@pytest.mark.parametrize("neuron", [IntegerBinaryRangeAlignment(), IntegerBinaryRangeAlignment(n=1, d=7)])
def test_it_is_served_as_bits_with_the_output_of_its_integers(neuron: Neuron) -> None:
    model = built(merged(), neuron)
    served = BitSerial(model)
    whole, bits = model(images()), served(images())
    torch.testing.assert_close(bits[1]["boxes"], whole[1]["boxes"], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(bits[1]["scores"], whole[1]["scores"], rtol=1e-12, atol=1e-12)
    assert sum(float(spikes.sum()) for spikes in served.spikes.values()) > 0


def test_other_methods_convert_it() -> None:
    net = merged()
    model = built(net, AdaFire(), timesteps=16)
    wanted = net(images())[1]["scores"]
    found = model(images())[1]["scores"]
    assert float(((found - wanted).norm() / (wanted - wanted.mean()).norm()).detach()) < 0.2


def test_a_source_says_what_training_and_serving_need() -> None:
    found = SpikeYoloModel(width=0.0625, bins=4, side=64).build(("a", "b"), Resources())
    assert found.loss is not None
    loss = found.loss(Gains())
    assert isinstance(loss, DetectionLoss)
    assert (loss.grids.classes, loss.grids.bins, loss.grids.strides) == (2, 4, (8.0, 16.0, 32.0))
    assert found.merge is not None
    found.merge()
    assert not list(brackets(found.network))
    last = found.network.head.scores[0][-1][-1]
    assert last.bias.unique().item() == pytest.approx(-7.8478, abs=1e-3)  # log(5/2/80²)
    last.bias.data.zero_()
    last.reset_parameters()
    assert last.bias.unique().item() == pytest.approx(-7.8478, abs=1e-3)


def brackets(net: nn.Module) -> Iterator[nn.Module]:
    return (module for module in net.modules() if isinstance(module, DepthwiseBracket | Reparameterised))
