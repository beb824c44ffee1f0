"""What runs over one dimension is what runs over two of which one is 1: in every method, spike for spike."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import snnfw
from networks import noise, seeded

LENGTH = 48

LAYERS: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module]]] = {
    "convolution": (lambda: nn.Conv1d(4, 6, 3), lambda: nn.Conv2d(4, 6, (1, 3))),
    "stride and padding": (
        lambda: nn.Conv1d(4, 6, 5, 2, padding=2),
        lambda: nn.Conv2d(4, 6, (1, 5), (1, 2), padding=(0, 2)),
    ),
    "dilation": (lambda: nn.Conv1d(4, 6, 3, dilation=4), lambda: nn.Conv2d(4, 6, (1, 3), dilation=(1, 4))),
    "groups": (lambda: nn.Conv1d(4, 4, 3, groups=4), lambda: nn.Conv2d(4, 4, (1, 3), groups=4)),
    "transposed": (lambda: nn.ConvTranspose1d(4, 6, 4, 2), lambda: nn.ConvTranspose2d(4, 6, (1, 4), (1, 2))),
    "batch norm alone": (lambda: nn.BatchNorm1d(4), lambda: nn.BatchNorm2d(4)),
    "maximum": (lambda: nn.MaxPool1d(4), lambda: nn.MaxPool2d((1, 4))),
    "overlapping maximum": (lambda: nn.MaxPool1d(5, 2, 2), lambda: nn.MaxPool2d((1, 5), (1, 2), (0, 2))),
    "mean": (lambda: nn.AvgPool1d(4), lambda: nn.AvgPool2d((1, 4))),
    "adaptive mean": (lambda: nn.AdaptiveAvgPool1d(6), lambda: nn.AdaptiveAvgPool2d((1, 6))),
    "adaptive maximum": (lambda: nn.AdaptiveMaxPool1d(6), lambda: nn.AdaptiveMaxPool2d((1, 6))),
    "enlarged": (lambda: nn.Upsample(scale_factor=2.0), lambda: nn.Upsample(scale_factor=(1.0, 2.0))),
    "dropout": (lambda: nn.Dropout1d(0.5), lambda: nn.Dropout2d(0.5)),
}  # fmt: skip

METHODS = {
    "rate": 8,
    "if": 8,
    "calibration": 8,
    "adafire": 4,
    "burst": 8,
    "msat": 8,
    "ibra": 1,
    "signed": 2,
    "tracking": 4,
    "sigmadelta": 1,
    "spikingjelly": 8,
    "lif": 4,
    "inflor": 4,
    "ilif": 4,
}
"""Presets and neurons, and how many timesteps tell them apart."""


class Line(nn.Module):
    """A layer between two spiking ones, over one dimension or, with ``ranks=2``, over two."""

    def __init__(self, layer: Callable[[], nn.Module], ranks: int) -> None:
        super().__init__()
        convolution, norm, pool = (
            (nn.Conv1d, nn.BatchNorm1d, nn.AdaptiveAvgPool1d)
            if ranks == 1
            else (nn.Conv2d, nn.BatchNorm2d, nn.AdaptiveAvgPool2d)
        )
        size: Any = 7 if ranks == 1 else (1, 7)
        self.first = nn.Sequential(convolution(1, 4, size), norm(4), nn.ReLU())
        self.layer = layer()
        self.second = nn.Sequential(nn.LazyConv1d(5, 1) if ranks == 1 else nn.LazyConv2d(5, 1), nn.ReLU(), pool(1))
        self.out = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(self.second(self.layer(self.first(x))).flatten(1))
        return out


def twins(name: str) -> tuple[nn.Module, nn.Module]:
    """Return the network over one dimension, and the one over two with its weights, both in float64."""
    over_one, over_two = LAYERS[name]

    def make() -> nn.Module:
        made = Line(over_one, 1).double()
        made(noise(2, 1, LENGTH).double())
        return made

    one = seeded(make)
    for module in one.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.copy_(noise(module.num_features, seed=1) * 0.2)  # type: ignore[union-attr]  # it tracks
    two = Line(over_two, 2).double()
    two(noise(2, 1, 1, LENGTH).double())
    shapes = {key: tensor.shape for key, tensor in two.state_dict().items()}
    two.load_state_dict({key: tensor.view(shapes[key]) for key, tensor in one.state_dict().items()})
    return one.eval(), two.eval()


def converted(network: nn.Module, x: Tensor, method: str) -> snnfw.SpikingNetwork:
    return snnfw.convert(copy.deepcopy(network), [x], method=method, timesteps=METHODS[method])


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_converts_over_one_dimension(name: str) -> None:
    one, two = twins(name)
    x = noise(6, 1, LENGTH).double()
    assert torch.allclose(one(x), two(x[:, :, None]))
    spiking, twin = converted(one, x, "signed"), converted(two, x[:, :, None], "signed")
    assert torch.allclose(spiking(x), twin(x[:, :, None]), atol=1e-12)
    assert sum(spiking.spikes().values()) == sum(twin.spikes().values()) > 0


@pytest.mark.parametrize("method", METHODS)
def test_every_method_converts_over_one_dimension(method: str) -> None:
    one, two = twins("maximum")
    x = noise(6, 1, LENGTH).double()
    spiking, twin = converted(one, x, method), converted(two, x[:, :, None], method)
    assert torch.allclose(spiking(x), twin(x[:, :, None]), atol=1e-12)
    assert sum(spiking.spikes().values()) == sum(twin.spikes().values()) > 0


@pytest.mark.parametrize("method", ["lif", "inflor", "ilif"])
def test_methods_that_learn_have_the_same_gradients(method: str) -> None:
    one, two = twins("maximum")
    x = noise(6, 1, LENGTH).double().requires_grad_()
    (gradient,) = torch.autograd.grad(converted(one, x.detach(), method)(x).square().sum(), x)
    (twin,) = torch.autograd.grad(converted(two, x.detach()[:, :, None], method)(x[:, :, None]).square().sum(), x)
    assert torch.allclose(gradient, twin, atol=1e-12)
    assert gradient.abs().max() > 0
