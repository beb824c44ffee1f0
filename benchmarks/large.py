"""Large images on a CPU: what the system takes of a simulation, and its time beside the folded network's, twice.

First with the allocator as it comes, then with freed memory kept, in the same process.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
import torchvision

from benchmarks.conversions import Settings, converted, floor, folded, simulation
from benchmarks.result import Cell, Section
from benchmarks.timing import Candidates, Measured, release
from snnfw import keep_freed_memory
from snnfw.planning.rules import Neuron
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.sigmadelta import SigmaDelta
from snnfw_plugins.tracking import Tracking

FLOOR = "folded network on T·N samples"
RELU: Mapping[str, Neuron] = {"snnfw, if": IntegrateAndFire(), "snnfw, adafire φ=4": AdaFire(phi=4)}
ANY: Mapping[str, Neuron] = {"snnfw, tracking φ=4": Tracking(phi=4), "snnfw, sigmadelta": SigmaDelta()}
NETWORKS = {torchvision.models.mobilenet_v2: ANY, torchvision.models.resnet18: {**RELU, **ANY}}
"""A light network with depthwise convolutions and ReLU6, and one with many more operations for each activation."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of the processor: all of them, and those that it spent in the system."""

    whole: float
    system: float


def measure(
    settings: Settings, repetitions: int = 5, keep: Callable[[], bool] = keep_freed_memory
) -> Iterator[Section]:
    """Yield the table of each network; ``keep`` keeps freed memory from then on."""
    for network, neurons in NETWORKS.items():
        sizes = Settings(settings.samples, settings.pixels, settings.timesteps, network=network)
        candidates = ways(sizes, neurons)
        if network is next(iter(NETWORKS)):
            found = {(name, False): took for name, took in shortest(candidates, repetitions).items()}
            yield _section(sizes, found)
            release()
            keep()
        found = {(name, True): took for name, took in shortest(candidates, repetitions).items()}
        yield _section(sizes, found)


def ways(settings: Settings, neurons: Mapping[str, Neuron]) -> Candidates:
    """Return the folded network's run and a simulation with each neuron."""
    graph = folded(settings)
    ours = {name: simulation(converted(graph, neuron, settings), settings) for name, neuron in neurons.items()}
    return {FLOOR: floor(graph, settings), **ours}


@torch.no_grad()
def shortest(candidates: Candidates, repetitions: int) -> dict[str, Times]:
    """Return the shortest of several runs of each, which take turns; the first is not counted."""
    found: dict[str, Times] = {}
    for repetition in range(repetitions + 1):
        for name, run in candidates.items():
            before = resource.getrusage(resource.RUSAGE_SELF)
            run()
            after = resource.getrusage(resource.RUSAGE_SELF)
            system = after.ru_stime - before.ru_stime
            took = Times(after.ru_utime - before.ru_utime + system, system)
            if repetition and (name not in found or took.whole < found[name].whole):
                found[name] = took
    return found


def _section(settings: Settings, found: Mapping[tuple[str, bool], Times]) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for (name, kept), took in found.items():
        ratio = took.whole / found[FLOOR, kept].whole
        rows.append((name, f"{took.whole:.2f}", f"{took.system / took.whole:.1%}", f"{ratio:.2f}"))
    allocator = "freed memory kept" if next(iter(found))[1] else "the allocator as it comes"
    sizes = f"N = {settings.samples}, T = {settings.timesteps}, {settings.pixels}x{settings.pixels}"
    columns = ("", "s of the processor", "of it in the system", "time / folded network")
    values = {name: (took.whole,) for (name, _), took in found.items()}
    return Section(f"{settings.network.__name__}, {sizes}, {allocator}", columns, tuple(rows), Measured(values))
