"""Count the spikes of inactivated neurons on calibration data, and filter early spikes accordingly."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from snnfw import Batches, Inputs, Resources
from snnfw.conversion import mean_activations, to_device
from snnfw.simulate import steps_within
from snnfw_plugins.msat.chance import random_keys
from snnfw_plugins.msat.inactivated import InactivatedCounts
from snnfw_plugins.msat.node import MSATNeuron

if TYPE_CHECKING:
    from snnfw import SpikingModel

LOG = logging.getLogger("snnfw")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which early spikes are filtered: with the confidence given, or else with the one that calibration data says."""

    confidence: float | None
    every_layer: bool
    early: int
    samples: int
    drop_resets: bool


def apply_confidence(model: SpikingModel, calibration: Batches[Inputs], wanted: Filter, resources: Resources) -> None:
    """Count every MSAT layer's spikes on calibration data, and filter those of the last layer, or of every one."""
    found = {site.name: (site, neuron) for site, neuron in model.site_neurons() if isinstance(neuron, MSATNeuron)}
    if not found or wanted.confidence == 1.0:
        return
    timesteps = min(wanted.early, model.timesteps)
    if wanted.confidence is None:
        for name, counted in count_spikes(model, calibration, timesteps, wanted.samples, resources).items():
            found[name][1].inactivated = counted
            LOG.info("snnfw: %s", describe_counts(name, counted, timesteps))
    filtered = list(found.values()) if wanted.every_layer else list(found.values())[-1:]
    generator = torch.Generator().manual_seed(resources.seed)
    for site, neuron in filtered:
        _filter(neuron, wanted, random_keys(site.shape, generator))


def describe_counts(name: str, counted: InactivatedCounts, timesteps: int) -> str:
    """Return a layer's counts in a sentence."""
    return (
        f"within {timesteps} timesteps {counted.of_inactivated:.3f} of the inactivated neurons of '{name}' fire "
        f"({counted.of_neurons:.3f} of all neurons, beside {counted.right_of_neurons:.3f} that are active): "
        f"confidence {counted.confidence:.3f}"
    )


@torch.no_grad()
def count_spikes(
    model: SpikingModel, calibration: Batches[Inputs], timesteps: int, samples: int, resources: Resources
) -> dict[str, InactivatedCounts]:
    """Run the spiking network for some timesteps on the first samples and count each MSAT layer's spikes."""
    totals: dict[str, InactivatedCounts] = {}
    for batch in _first(calibration, samples):
        inputs = to_device(batch, resources.device)
        wanted = mean_activations(model.graph, inputs, timesteps)
        inactive = {site.name: activation <= 0 for site, activation in wanted}
        model.begin(inputs)
        while model.elapsed < timesteps:
            longest = steps_within(model, model.samples, resources.memory)
            model.advance(min(longest, timesteps - model.elapsed))
        for name, counted in _count_layers(model, inactive):
            totals[name] = totals.get(name, InactivatedCounts()) + counted
    model.forget()
    return totals


def _count_layers(model: SpikingModel, inactive: Mapping[str, Tensor]) -> Iterator[tuple[str, InactivatedCounts]]:
    for site, neuron in model.site_neurons():
        if isinstance(neuron, MSATNeuron) and neuron.emitted is not None:
            fired, silent = neuron.emitted > 0, inactive[site.name]
            wrong, right = int((fired & silent).sum()), int((fired & ~silent).sum())
            yield site.name, InactivatedCounts(wrong, right, int(silent.sum()), silent.numel())


def _filter(neuron: MSATNeuron, wanted: Filter, key: Tensor) -> None:
    measured = neuron.inactivated.confidence if neuron.inactivated else 1.0
    confidence = measured if wanted.confidence is None else wanted.confidence
    neuron.filter_early(confidence, wanted.early, key, wanted.drop_resets)


def _first(calibration: Batches[Inputs], samples: int) -> Iterator[Inputs]:
    """Yield calibration batches up to a number of samples."""
    for inputs in calibration:
        if samples <= 0:
            return
        yield tuple(tensor[:samples] for tensor in inputs)
        samples -= len(inputs[0])
