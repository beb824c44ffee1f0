"""A whole network: our simulation against the network's own time, and against SpikingJelly's conversion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from benchmarks.conversions import Settings, converted, floor, folded, simulation, theirs
from benchmarks.result import Cell, Section
from benchmarks.timing import Candidates, Measured, seconds
from snnfw.planning.rules import Neuron
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.sigmadelta import SigmaDelta

FLOOR = "folded network on T·N samples"
THEIRS = "SpikingJelly, RateCodingRecipe"
THEIRS_LAST = "SpikingJelly, in channels_last"
NEURONS: Mapping[str, Neuron] = {
    "snnfw, if": IntegrateAndFire(),
    "snnfw, adafire φ=4": AdaFire(phi=4),
    "snnfw, sigmadelta": SigmaDelta(),
    "snnfw, sigmadelta, one digit": SigmaDelta(digits=1),
}


@torch.no_grad()
def measure(settings: Settings, repetitions: int = 11) -> Iterator[Section]:
    """Yield the table of one network."""
    found = seconds(candidates(settings), repetitions, device=settings.device)
    yield _section(settings, found)


def candidates(settings: Settings) -> Candidates:
    """Return every way to run the network for T timesteps."""
    graph = folded(settings)
    ours = {name: simulation(converted(graph, neuron, settings), settings) for name, neuron in NEURONS.items()}
    return {
        FLOOR: floor(graph, settings),
        **ours,
        THEIRS: theirs(settings, channels_last=False),
        THEIRS_LAST: theirs(settings, channels_last=True),
    }


def _section(settings: Settings, found: Measured) -> Section:
    columns = ("", "ms", "time / folded network", "faster than SpikingJelly", "faster than it in channels_last")
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            f"{1e3 * found.median(name):.0f}",
            found.ratio(name, FLOOR),
            found.ratio(THEIRS, name),
            found.ratio(THEIRS_LAST, name),
        )
        for name in found.values
    ]
    sizes = f"N = {settings.samples}, T = {settings.timesteps}, {settings.pixels}x{settings.pixels}"
    title = f"{settings.network.__name__}, {sizes}, {settings.backend}"
    return Section(title, columns, tuple(rows), found)
