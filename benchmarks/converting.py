"""How long a conversion takes beside an evaluation of the data that it calibrates on, by converters and presets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.conversions import Settings, folded, images
from benchmarks.result import Cell, Section
from benchmarks.timing import Measured
from snnfw import Converter, Preset, Registry, SnnfwError, place
from snnfw.capture.graph import Graph
from snnfw.conversion.direct import Direct
from snnfw.simulate.memory import advance_within

Method = tuple[str, Mapping[str, Any]]
"""A preset, and options of its converter."""

BATCH = 16

METHODS: Mapping[str, Method] = {
    **{name: (name, {}) for name in ("signed", "sigmadelta", "ibra", "rate", "msat", "burst", "calibration")},
    "adafire, without its search": ("adafire", {}),
    "spikingjelly": ("spikingjelly", {}),
    "calibration, potentials too": ("calibration", {"potential": True}),
    "calibration, a percentile": ("calibration", {"threshold": "percentile"}),
    "calibration, weights too": ("calibration", {"weights": True}),
}
"""Presets, each with what its converter does otherwise. Those that a network must be trained for are not here."""


BOUNDED: Mapping[str, Method] = {name: method for name, method in METHODS.items() if "weights" not in method[1]}
"""Those that take no steps of a descent, which large images make last for an hour."""


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
    methods: Mapping[str, Method] = METHODS,
) -> Iterator[Section]:
    """Yield the table of one network."""
    graph, presets = folded(settings), Registry().presets
    found = {
        (name, steps): measure_method(graph, changed(presets[preset], options), settings, steps, repetitions)
        for name, (preset, options) in methods.items()
        if fits(graph, presets[preset])
        for steps in timesteps
    }
    yield _section(settings, found)


def fits(graph: Graph, preset: Preset) -> bool:
    """Tell whether a preset has a neuron for every activation function of a network."""
    try:
        place(graph, preset.layers)
    except SnnfwError:
        return False
    return True


def changed(preset: Preset, options: Mapping[str, Any]) -> Preset:
    """Return a preset whose converter has other options."""
    converter: Any = preset.converter
    return replace(preset, converter=replace(converter, **options))


def measure_method(graph: Graph, preset: Preset, settings: Settings, timesteps: int, repetitions: int) -> Took:
    """Return the shortest of several times of one method, of the processor, which others have no part in."""
    batches = [(part,) for part in images(settings).split(BATCH)]
    plan, converter, resources = place(graph, preset.layers), obtain_converter(preset), settings.resources()
    made = [converter.convert(graph, plan, batches, timesteps, resources)]

    def convert() -> None:
        made[:] = [converter.convert(graph, plan, batches, timesteps, resources)]

    def simulate() -> None:
        for batch in batches:
            made[0].begin(batch)
            advance_within(made[0], timesteps, settings.memory)
            made[0].read()

    return Took(
        shortest(convert, repetitions),
        shortest(simulate, repetitions),
        shortest(lambda: [graph(*batch) for batch in batches], repetitions),
    )


def obtain_converter(preset: Preset) -> Converter:
    """Return a preset's converter, which is the plain one where it has none of its own."""
    return preset.converter or Direct()


def shortest(function: Callable[[], object], repetitions: int) -> float:
    """Return the fewest seconds of the processor that a function has taken."""
    taken = []
    for _ in range(repetitions):
        start = time.process_time()
        function()
        taken.append(time.process_time() - start)
    return min(taken)


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
