"""How long a conversion takes, beside an evaluation of the data that it calibrates on: by every converter and preset."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import snnfw
from benchmarks.conversions import Settings, images, network
from benchmarks.result import Cell, Section
from benchmarks.timing import Measured

BATCH = 16
GOAL = 3.0

METHODS: Mapping[str, Mapping[str, Any]] = {
    **{name: {"method": name} for name in ("signed", "sigmadelta", "ibra", "rate", "msat", "burst", "calibration")},
    "adafire, without its search": {"method": "adafire", "search": False, "exit": False},
    "spikingjelly": {"method": "spikingjelly"},
    "calibration, potentials too": {"method": "calibration", "converter": {"name": "calibration", "potential": True}},
    "calibration, a percentile": {
        "method": "calibration",
        "converter": {"name": "calibration", "threshold": "percentile", "channel_wise": True},
    },
    "calibration, weights too": {"method": "calibration", "converter": {"name": "calibration", "weights": True}},
}
"""What ``snnfw.convert`` is told, by what the table calls it. Presets that the network must be trained for are not here."""


@dataclass(frozen=True, slots=True)
class Took:
    """The processor's seconds of a conversion, and of what is done with the same samples without one."""

    conversion: float
    simulation: float
    network: float


def measure(
    settings: Settings,
    timesteps: tuple[int, ...] = (2, 8),
    repetitions: int = 3,
    methods: Mapping[str, Mapping[str, Any]] = METHODS,
) -> Iterator[Section]:
    """Yield the table of one network."""
    found = {
        (name, steps): measure_method(settings, words, steps, repetitions)
        for name, words in methods.items()
        for steps in timesteps
    }
    yield _section(settings, found)


def measure_method(settings: Settings, words: Mapping[str, Any], timesteps: int, repetitions: int) -> Took:
    """Return the shortest of several times of one method, of the processor, which others have no part in."""
    net, samples = network(settings), images(settings)
    batches = list(samples.split(BATCH))
    made: list[snnfw.SpikingNetwork] = []

    def convert() -> None:
        made[:] = [snnfw.convert(net, batches, timesteps=timesteps, memory=settings.memory, **words)]

    convert()  # which captures the network, compiles kernels, and fills caches
    return Took(
        shortest(convert, repetitions) - shortest(lambda: snnfw.plan(net, batches, **_placing(words)), repetitions),
        shortest(lambda: [made[0](batch) for batch in batches], repetitions),
        shortest(lambda: _run(net, batches), repetitions),
    )


def shortest(function: Callable[[], object], repetitions: int) -> float:
    """Return the fewest seconds of the processor that a function has taken."""
    taken = []
    for _ in range(repetitions):
        start = time.process_time()
        function()
        taken.append(time.process_time() - start)
    return min(taken)


def _placing(words: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a plan needs of a method's words."""
    return {"method": words["method"]}


@torch.no_grad()
def _run(net: torch.nn.Module, batches: list[Tensor]) -> None:
    for batch in batches:
        net(batch)


def _section(settings: Settings, found: Mapping[tuple[str, int], Took]) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for (name, steps), took in found.items():
        rows.append(
            (
                name,
                str(steps),
                f"{took.conversion:.2f}",
                f"{took.simulation:.2f}",
                f"{took.conversion / took.simulation:.2f}",
                f"{took.conversion / took.network:.1f}",
            )
        )
    columns = ("", "T", "conversion s", "evaluation s", "conversion / evaluation", "conversion / network")
    size = f"{settings.samples} samples of {settings.pixels} x {settings.pixels}"
    title = f"Conversions, {settings.network.__name__}, {size}: the processor's shortest time of several"
    values = {f"{name}, T = {steps}": (took.conversion,) for (name, steps), took in found.items()}
    return Section(title, columns, tuple(rows), Measured(values))
