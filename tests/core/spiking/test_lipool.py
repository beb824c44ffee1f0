"""Maximum nodes are lateral-inhibition pooling (Li & Zeng, 2022), written out here window by window."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import converted, noise, seeded
from snnfw.capture.export import capture
from snnfw.capture.graph import BatchDim
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.neurons.timefold import fold, unfold
from snnfw.spiking.cumulative import Cumulative
from snnfw.values import Site
from snnfw_plugins.integrate_and_fire import IntegrateAndFire

T, N, CHANNELS = 9, 2, 3
WINDOWS = [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (3, 3, 0), (5, 2, 2), (2, 1, 1)]


def windows(frame: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """Return the members of each window, [N, C, members, windows]; padding with zeros never wins over spikes."""
    members = F.unfold(frame, kernel, padding=padding, stride=stride)
    each: Tensor = members.unflatten(1, (frame.shape[1], kernel * kernel))
    return each


def lateral_inhibition(spikes: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """Charge each member of a window, let the largest fire what it holds, and inhibit all members by that."""
    state = torch.zeros_like(windows(spikes[0], kernel, stride, padding))
    size = F.max_pool2d(spikes[0], kernel, stride, padding).shape[-2:]
    outputs = []
    for frame in spikes:
        state = state + windows(frame, kernel, stride, padding)
        fired = state.amax(2, keepdim=True)
        state = state - fired
        outputs.append(fired.squeeze(2).unflatten(2, size))
    return torch.stack(outputs)


def maximum_node(spikes: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    place = BatchDim(0)
    module = Cumulative(False, [place], place)
    pooled = module(lambda x: F.max_pool2d(x, kernel, stride, padding), len(spikes), fold(spikes, place))
    return unfold(pooled, place, len(spikes))


def graded(*shape: int) -> Tensor:
    """Return non-negative multiples of 1/16, mostly zero: spikes of many heights, whose sums are exact."""
    return (noise(*shape, seed=3).relu() * 16).floor() / 16


def single(*shape: int) -> Tensor:
    return (noise(*shape, seed=4) > 0.5).double() * 0.25


@pytest.mark.parametrize("spikes", [graded, single])
@pytest.mark.parametrize(("kernel", "stride", "padding"), WINDOWS)
def test_a_maximum_node_is_lateral_inhibition_pooling(spikes: object, kernel: int, stride: int, padding: int) -> None:
    stream = spikes(T, N, CHANNELS, 8, 7)  # type: ignore[operator]  # one of the two above
    output = maximum_node(stream, kernel, stride, padding)
    assert torch.equal(output, lateral_inhibition(stream, kernel, stride, padding))
    assert output.any()


@pytest.mark.parametrize(("kernel", "stride", "padding"), WINDOWS)
def test_lateral_inhibition_cumulates_to_the_maximum_of_the_cumulative_spikes(
    kernel: int, stride: int, padding: int
) -> None:
    stream = graded(T, N, CHANNELS, 8, 7)
    sums = lateral_inhibition(stream, kernel, stride, padding).cumsum(0)
    for t in range(T):
        assert torch.equal(sums[t], F.max_pool2d(stream[: t + 1].sum(0), kernel, stride, padding))


def test_of_non_negative_spikes_none_is_taken_back() -> None:
    assert bool((maximum_node(graded(T, N, CHANNELS, 8, 7), 3, 2, 1) >= 0).all())


def test_the_pooling_of_a_converted_network_is_lateral_inhibition() -> None:
    layers = seeded(
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.ReLU(), nn.Flatten())
    )
    images = noise(N, 3, 8, 8)
    graph = capture(layers.double().eval(), (images,))
    model = converted(graph, IntegrateAndFire(), images, T)
    outputs: dict[str, Tensor] = {}
    drives: dict[str, Tensor] = {}

    def visit(site: Site, neuron: SpikingNeuron, drive: Tensor) -> Tensor:
        drives[site.name], outputs[site.name] = drive, neuron(drive)
        return outputs[site.name]

    model.begin((images,))
    model.advance(T, visit)
    first, second = (site.name for site in graph.sites)
    torch.testing.assert_close(drives[second], lateral_inhibition(outputs[first], 3, 2, 1), rtol=1e-12, atol=1e-12)
    assert drives[second].any()
