"""What a simulation takes in Python: a ResNet-18 of one channel on tiny images, where arithmetic is nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from benchmarks.conversions import Settings, converted, floor, folded, images
from benchmarks.result import Section
from benchmarks.timing import Candidates, Measured
from snnfw import Site, SpikingNeuron
from snnfw.spiking.model import SpikingModel
from snnfw_plugins.integrate_and_fire import IntegrateAndFire

CALLS = 200
"""Of so many calls the shortest counts: all that disturbs them makes them longer."""


def thin_resnet18(**options: Any) -> nn.Module:
    """Return a ResNet-18 with its structure and one channel in every layer."""
    model: nn.Module = torchvision.models.resnet18(**options)
    for owner in list(model.modules()):
        for name, layer in list(owner.named_children()):
            if isinstance(layer, nn.Conv2d):
                setattr(owner, name, _thin_convolution(layer))
            elif isinstance(layer, nn.BatchNorm2d):
                setattr(owner, name, nn.BatchNorm2d(1))
            elif isinstance(layer, nn.Linear):
                setattr(owner, name, nn.Linear(1, layer.out_features))
    return model


def _thin_convolution(layer: nn.Conv2d) -> nn.Conv2d:
    channels = 3 if layer.in_channels == 3 else 1
    kernel, stride, padding = (int(sizes[0]) for sizes in (layer.kernel_size, layer.stride, layer.padding))
    return nn.Conv2d(channels, 1, kernel, stride, padding, bias=False)


TINY = Settings(samples=2, pixels=8, timesteps=4, network=thin_resnet18)


@dataclass(frozen=True, slots=True)
class _Calls:
    """Every neuron's call by itself, on what it is given in a run."""

    model: SpikingModel
    drives: list[Tensor]

    def __call__(self) -> None:
        for neuron, drive in zip(self.model.neurons.children(), self.drives, strict=True):
            neuron(drive)

    def afresh(self) -> None:
        """Begin each neuron anew before its call, as a run does."""
        for _, neuron in self.model.site_neurons():
            neuron.reset()
        self()


@torch.no_grad()
def measure(settings: Settings = TINY, calls: int = CALLS) -> Iterator[Section]:
    """Yield the shortest of many calls of a simulation, of its parts, and of the folded network."""
    graph, inputs = folded(settings), (images(settings),)
    model = converted(graph, IntegrateAndFire(), settings)
    drives: list[Tensor] = []
    model.begin(inputs)
    model.advance(settings.timesteps, partial(_keep, drives))
    neurons = _Calls(model, drives)

    def run() -> object:
        model.begin(inputs)
        model.advance(settings.timesteps)
        return model.read()

    timed: Candidates = {
        "folded network on T·N samples": floor(graph, settings),
        "simulation": run,
        "its begin": lambda: model.begin(inputs),
        "its advance, in a chunk that is not the first": _chunk(model, settings),
        "its neurons, in a chunk that is not the first": neurons,
        "its neurons, in the first chunk": neurons.afresh,
    }
    found = Measured({name: (shortest(call, calls),) for name, call in timed.items()})
    rows = tuple((name, f"{1e3 * found.median(name):.2f}") for name in timed)
    title = f"Python of ResNet-18 with one channel, {len(drives)} neurons: the shortest of {calls} calls"
    yield Section(title, ("", "ms"), rows, found)


def _keep(drives: list[Tensor], _: Site, neuron: SpikingNeuron, drive: Tensor) -> Tensor:
    """Keep a neuron's input, and run it."""
    drives.append(drive.clone())
    output: Tensor = neuron(drive)
    return output


def _chunk(model: SpikingModel, settings: Settings) -> Callable[[], None]:
    model.begin((images(settings),))
    model.advance(settings.timesteps)
    return lambda: model.advance(settings.timesteps)


def shortest(call: Callable[[], object], calls: int) -> float:
    """Return the seconds of the shortest of many calls."""
    taken = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)
