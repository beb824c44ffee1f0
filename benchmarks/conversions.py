"""The same ResNet-18 three ways: folded as it is captured, as our simulation, and as SpikingJelly converts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from spikingjelly.activation_based import ann2snn, functional
from torch import Tensor, nn

from snnfw import Resources
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.conversion.direct import Direct
from snnfw.network.network import SpikingNetwork
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.simulate.memory import steps_within
from snnfw.spiking.memory import to_channels_last
from snnfw.spiking.model import SpikingModel


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured: samples of ``pixels`` × ``pixels``, simulated for ``timesteps`` within ``memory`` bytes."""

    samples: int = 16
    pixels: int = 64
    timesteps: int = 16
    memory: int = 2 * 2**30
    device: str = "cpu"
    backend: str = "native"
    network: Callable[..., nn.Module] = torchvision.models.resnet18

    def resources(self) -> Resources:
        """Return what a simulation may use."""
        return Resources(device=self.device, backend=self.backend, memory=self.memory)


def images(settings: Settings) -> Tensor:
    """Return noise in the shape of a batch of images."""
    shape = (settings.samples, 3, settings.pixels, settings.pixels)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(settings.device)


def network(settings: Settings) -> nn.Module:
    """Return the network with random weights and the batch-norm statistics of noise, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: nn.Module = settings.network(num_classes=10).to(settings.device)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the mean over what it has seen: one batch
        with torch.no_grad():
            model.train()(torch.randn(32, 3, settings.pixels, settings.pixels, device=settings.device))
    return model.eval()


def folded(settings: Settings) -> Graph:
    """Return the network as it is captured, its batch norms folded."""
    return capture(network(settings), (images(settings)[:2],))


def floor(graph: Graph, settings: Settings) -> Callable[[], object]:
    """Return the folded network on T · N samples: what a simulation computes at least, were nothing static."""
    inputs = to_channels_last(images(settings).repeat(settings.timesteps, 1, 1, 1))
    return lambda: graph(inputs)


def converted(graph: Graph, neuron: Neuron, settings: Settings) -> SpikingModel:
    """Return our spiking network, with one method at every site."""
    plan = place(graph, (Rule("*", neuron),))
    return Direct().convert(graph, plan, [(images(settings),)], settings.timesteps, settings.resources())


def simulation(model: SpikingModel, settings: Settings) -> Callable[[], object]:
    """Return a whole run, in chunks of as many timesteps as fit into memory."""
    inputs = (images(settings),)
    longest = steps_within(model, settings.samples, settings.memory)

    def run() -> object:
        model.begin(inputs)
        while model.elapsed < settings.timesteps:
            model.advance(min(longest, settings.timesteps - model.elapsed))
        return model.read()

    return run


def called(model: SpikingModel, settings: Settings) -> Callable[[], object]:
    """Return a call of the network that a user owns."""
    inputs, network = images(settings), SpikingNetwork(model, memory=settings.memory)
    return lambda: network(inputs)


def theirs(settings: Settings, channels_last: bool) -> Callable[[], Tensor]:
    """Return a whole run of what SpikingJelly makes of the network, all timesteps at once."""
    recipe = ann2snn.RateCodingRecipe([images(settings)], mode="Max")
    model: Any = ann2snn.Converter(recipe, device=settings.device).convert(network(settings))
    functional.set_step_mode(model, "m")
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model.to(memory_format=layout)
    still = images(settings).contiguous(memory_format=layout)
    inputs = still.unsqueeze(0).expand(settings.timesteps, *still.shape)

    def run() -> Tensor:
        functional.reset_net(model)
        output: Tensor = model(inputs).mean(0)
        return output

    return run
