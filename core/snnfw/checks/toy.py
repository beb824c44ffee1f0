"""A small network with data, neurons and a task around it, which stages are tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.neurons.observers import PeakThreshold
from snnfw.neurons.spiking_neuron import SpikingNeuron, States
from snnfw.values import Batch, Bundle, Data, Judgement, Observer, Output, Site, SiteStats

TIMESTEPS = 4
CLASSES = 3
SAMPLES = 16


@dataclass(frozen=True, slots=True)
class ToyNeuron:
    """Fire up to φ spikes of height θ · ρ and subtract them; searches look for the fields ``phi`` and ``rho``."""

    name: ClassVar[str] = "toy"
    activations: ClassVar[tuple[str, ...]] = ("relu",)

    phi: int = 2
    rho: float = 1.0

    def observer(self, site: Site) -> Observer:
        """Return the observer that finds the threshold: the largest activation / φ."""
        return PeakThreshold(site, share=float(self.phi))

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the module."""
        del site, timesteps
        return ToyModule(SiteStats(stats.threshold * self.rho, stats.initial, stats.offset), self.phi)

    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        """Return the mean output for a constant input."""
        height = threshold * self.rho
        return (activation * timesteps / height).floor().clamp(0, timesteps * self.phi) * height / timesteps


class ToyModule(SpikingNeuron):
    """Hold the membrane potential."""

    def __init__(self, stats: SiteStats, phi: int) -> None:
        super().__init__(stats)
        self.phi = phi

    def begin(self, drive: Tensor) -> States:
        """Return the potential before the first timestep."""
        return (self.initial.expand_as(drive),)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Return one timestep's output and the potential after it."""
        potential = states[0] + drive
        spikes = (potential / self.threshold).floor().clamp(0, self.phi) * self.threshold
        return spikes, (potential - spikes,)


class ToyNetwork(nn.Module):
    """Two convolutions with a sum around the second, and a linear head: images [N, 1, 6, 6] to logits [N, 3]."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.head = nn.Linear(4 * 9, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        x = self.relu1(self.first(images))
        x = self.relu2(self.second(x) + x)
        logits: Tensor = self.head(F.avg_pool2d(x, 2).flatten(1))
        return logits


class Accuracy:
    """Count the samples whose largest logit is their label's."""

    def __init__(self) -> None:
        self.right = self.samples = 0

    def update(self, output: Output, target: Tensor) -> None:
        """Take one batch."""
        self.right += int((output.argmax(1) == target).sum())
        self.samples += len(target)

    def compute(self) -> Mapping[str, float]:
        """Return the percentage."""
        return {"accuracy": 100 * self.right / max(1, self.samples)}

    def state(self) -> dict[str, Tensor]:
        """Return both counts."""
        return {"right": torch.tensor(self.right), "samples": torch.tensor(self.samples)}

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Add what another one counted."""
        self.right += int(state["right"])
        self.samples += int(state["samples"])


class Sealed:
    """Evaluation batches that note that somebody has read them."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches, self.read = batches, False

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        self.read = True
        return iter(self.batches)


@dataclass(frozen=True, slots=True)
class Toy:
    """The network, its graph, and a bundle whose evaluation data are sealed."""

    network: nn.Module
    graph: Graph
    bundle: Bundle
    sealed: Sealed

    def weights(self) -> dict[str, Tensor]:
        """Return copies of everything that no stage may change."""
        held = {**self.network.state_dict(prefix="network."), **self.graph.module.state_dict(prefix="graph.")}
        return {name: tensor.clone() for name, tensor in held.items()}


def make_toy() -> Toy:
    """Return the network with its data, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ToyNetwork().eval()
        batches = [_batch(network) for _ in range(2)]
        sealed = Sealed([_batch(network)])
    bundle = Bundle(
        model=network,
        example=(batches[0].inputs[0][:2],),
        data=Data(calibration=[batch.inputs for batch in batches], evaluation=sealed, tuning=batches),
        judgement=Judgement(scorer=Accuracy, headline="accuracy", logits=_logits, correct=_correct, distance=_distance),
    )
    return Toy(network, capture(network, bundle.example), bundle, sealed)


def _batch(network: Callable[[Tensor], Any]) -> Batch:
    """Return images with the network's own answers as labels, one in eight of them another one."""
    images = torch.randn(SAMPLES, 1, 6, 6)
    with torch.no_grad():
        labels: Tensor = network(images).argmax(1)
    labels[::8] = (labels[::8] + 1) % CLASSES
    return Batch((images,), labels)


def _logits(output: Output) -> Tensor:
    logits: Tensor = output
    return logits


def _correct(output: Output, target: Tensor) -> Tensor:
    right: Tensor = (output.argmax(1) == target).double()
    return right


def _distance(of: Output, to: Output) -> Tensor:
    changed: Tensor = (of.argmax(1) != to.argmax(1)).double()
    return changed
