"""A training step of a whole network: its neurons against plain ReLUs on as many samples as it has timesteps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from benchmarks.result import Cell, Section
from benchmarks.timing import Candidates, Measured, seconds
from snnfw.capture.export import capture
from snnfw.conversion.direct import Direct
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.training.network import TrainingNetwork, mean_over_time
from snnfw.values import Resources
from snnfw_plugins.ibra import IntegerBinaryRangeAlignment
from snnfw_plugins.inflor import SoftResetIntegrateAndFire
from snnfw_plugins.lif import LeakyIntegrateAndFire
from snnfw_tasks.networks.cifar_resnet import CifarResNet

RELU = "ReLU on T·N samples"
METHODS: dict[str, Neuron] = {
    "snnfw, lif": LeakyIntegrateAndFire(),
    "snnfw, srif": SoftResetIntegrateAndFire(),
    "snnfw, ibra": IntegerBinaryRangeAlignment(),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured: ResNet-20 on images of CIFAR's size, as ``inflor/cifar10_resnet20`` trains it but for N."""

    depth: int = 20
    width: int = 16
    pixels: int = 32
    samples: int = 32
    timesteps: int = 4
    device: str = "cpu"
    backend: str = "native"


def measure(settings: Settings, repetitions: int = 7, calls: int = 1) -> Iterator[Section]:
    """Yield the table of a training step: forward, loss, backward; the optimiser's step is the same for all."""
    yield _section(settings, seconds(candidates(settings), repetitions, calls, settings.device))


def candidates(settings: Settings) -> Candidates:
    """Return a training step of the network with ReLUs, and of it with each neuron."""
    plain = network(settings).train()
    x = images(settings)
    repeated = x.expand(settings.timesteps, *x.shape).flatten(0, 1).contiguous(memory_format=torch.channels_last)
    folded = {RELU: step(plain, lambda: plain(repeated).unflatten(0, (settings.timesteps, -1)).mean(0), settings)}
    return folded | {name: spiking(settings, method) for name, method in METHODS.items()}


def spiking(settings: Settings, method: Neuron) -> Callable[[], None]:
    """Return a training step of the spiking network."""
    model, x = network(settings).eval(), images(settings)
    graph = capture(model, (x[:2],), trainable=True)
    plan = place(graph, (Rule("*", method),))
    resources = Resources(device=settings.device, backend=settings.backend)
    learner = TrainingNetwork(Direct().convert(graph, plan, [(x,)], settings.timesteps, resources)).to(settings.device)
    learner.train()
    return step(learner, lambda: mean_over_time(learner(x)), settings)


def step(model: nn.Module, outputs: Callable[[], torch.Tensor], settings: Settings) -> Callable[[], None]:
    """Return what runs forward and takes the gradient of the loss back to every weight."""
    target = torch.arange(settings.samples, device=settings.device) % 10

    def run() -> None:
        model.zero_grad()
        nn.functional.cross_entropy(outputs(), target).backward()

    return run


def network(settings: Settings) -> nn.Module:
    """Return the network with the same weights each time, its convolutions in channels_last as a training has them."""
    torch.manual_seed(0)
    model = CifarResNet(settings.depth, settings.width).to(settings.device)
    return model.to(memory_format=torch.channels_last)


def images(settings: Settings) -> torch.Tensor:
    """Return random images [N, 3, H, W]."""
    shape = (settings.samples, 3, settings.pixels, settings.pixels)
    found = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(settings.device)
    return found.contiguous(memory_format=torch.channels_last)


def _section(settings: Settings, found: Measured) -> Section:
    rows: list[tuple[Cell, ...]] = [
        (name, f"{1e3 * found.median(name):.0f}", found.ratio(name, RELU)) for name in found.values
    ]
    size = f"N = {settings.samples}, T = {settings.timesteps}, {settings.pixels}x{settings.pixels}"
    title = f"ResNet-{settings.depth} with {settings.width} channels, {size}, a training step, {settings.backend}"
    return Section(title, ("", "ms", "this / ReLU"), tuple(rows), found)
