"""Let the methods of a finished run measure what their papers do, on a few evaluation samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from snnfw.conversion.activations import require_inputs, take_samples, to_device
from snnfw.errors import wrong_kind_error
from snnfw.simulate.memory import steps_within
from snnfw.spiking.model import SpikingModel, Visit
from snnfw.store.batches import few_batches
from snnfw.values import Bundle, Inputs, Measurement, Resources

SAMPLES = 64
"""Most evaluation samples that a method measures on: every run pays for it."""


def measure_methods(methods: Iterable[Any], model: SpikingModel, bundle: Bundle, resources: Resources) -> Measurement:
    """Return what all methods with a ``measure`` say together, each kind of method asked once.

    ``measure(model, bundle, resources)`` returns a ``Measurement``. The model's state is lost.
    """
    numbers: dict[str, float] = {}
    charts: list[Any] = []
    asked: set[type] = set()
    for method in methods:
        if type(method) in asked or not hasattr(method, "measure"):
            continue
        asked.add(type(method))
        found = method.measure(model, bundle, resources)
        if not isinstance(found, Measurement):
            raise wrong_kind_error(f"what '{method.name}' measures", found, "a snnfw.Measurement")
        numbers |= found.numbers
        charts += found.charts
    if asked:
        model.forget()
    return Measurement(numbers, tuple(charts))


def evaluation_inputs(bundle: Bundle, resources: Resources, samples: int = SAMPLES) -> Iterator[Inputs]:
    """Yield the inputs of the first evaluation samples, batch by batch, on the device."""
    batches = (batch.inputs for batch in few_batches(bundle.data.evaluation))
    checked = (require_inputs(inputs, "an evaluation batch", len(inputs)) for inputs in batches)
    for inputs in take_samples(checked, samples):
        yield to_device(inputs, resources.device)


@torch.no_grad()
def watch_neurons(model: SpikingModel, inputs: Inputs, timesteps: int, visit: Visit, memory: int) -> None:
    """Run a batch for some timesteps; ``visit(site, neuron, currents)`` runs each neuron and returns its output.

    Currents and output are [T, *shape], a chunk of as many timesteps as ``memory`` holds.
    """
    model.begin(inputs)
    longest = steps_within(model, model.samples, memory)
    while model.elapsed < timesteps:
        model.advance(min(longest, timesteps - model.elapsed), visit)
