"""Count the spikes of inactivated neurons on calibration data, and filter early spikes accordingly."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from snnfw.convert.activations import mean_activations, to_device
from snnfw.simulate.memory import steps_within
from snnfw.values import Batches, Inputs, Resources
from snnfw_plugins.msat.chance import random_keys
from snnfw_plugins.msat.node import MSATNeuron

if TYPE_CHECKING:
    from snnfw.spiking.model import SpikingModel
    from snnfw_plugins.msat import SpikeConfidence

LOG = logging.getLogger("snnfw")


@dataclass(frozen=True, slots=True)
class InactivatedCounts:
    """How many neurons of a layer fired within some timesteps, by whether the network's activation was 0.

    Counted over neurons and samples: ``wrong`` fired and are inactivated in the network (SIN), ``right`` fired and are
    not (POS); ``inactivated`` are all whose activation is 0, ``neurons`` are all.
    """

    wrong: int = 0
    right: int = 0
    inactivated: int = 0
    neurons: int = 0

    def __add__(self, other: InactivatedCounts) -> InactivatedCounts:
        return InactivatedCounts(
            self.wrong + other.wrong,
            self.right + other.right,
            self.inactivated + other.inactivated,
            self.neurons + other.neurons,
        )

    @property
    def of_inactivated(self) -> float:
        """Return SIN as a share of the inactivated neurons, which the paper quotes in section 5.3."""
        return _share(self.wrong, self.inactivated)

    @property
    def of_neurons(self) -> float:
        """Return SIN as a share of all neurons."""
        return _share(self.wrong, self.neurons)

    @property
    def right_of_neurons(self) -> float:
        """Return POS as a share of all neurons."""
        return _share(self.right, self.neurons)

    @property
    def of_firing(self) -> float:
        """Return SIN as a share of the neurons that fired."""
        return _share(self.wrong, self.wrong + self.right)

    @property
    def confidence(self) -> float:
        """Return p = 1 - SIN / (SIN + POS); 1 where nothing fired."""
        return 1.0 - self.of_firing


def apply_confidence(
    model: SpikingModel, calibration: Batches[Inputs], options: SpikeConfidence, resources: Resources
) -> None:
    """Count every MSAT layer's spikes on calibration data, and filter those of the layers that ``options`` name."""
    found = {site.name: (site, neuron) for site, neuron in model.site_neurons() if isinstance(neuron, MSATNeuron)}
    if not found or options.confidence == 1.0:
        return
    timesteps = min(options.early, model.timesteps)
    if options.confidence is None:
        for name, counted in count_spikes(model, calibration, timesteps, options.samples, resources).items():
            found[name][1].inactivated = counted
            LOG.info("snnfw: %s", describe_counts(name, counted, timesteps))
    filtered = list(found.values()) if options.layers == "all" else list(found.values())[-1:]
    generator = torch.Generator().manual_seed(resources.seed)
    for site, neuron in filtered:
        _filter(neuron, options, random_keys(site.shape, generator))


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


def _filter(neuron: MSATNeuron, options: SpikeConfidence, key: Tensor) -> None:
    measured = neuron.inactivated.confidence if neuron.inactivated else 1.0
    confidence = measured if options.confidence is None else options.confidence
    neuron.filter_early(confidence, options.early, key, options.drop_resets)


def _first(calibration: Batches[Inputs], samples: int) -> Iterator[Inputs]:
    """Yield calibration batches up to a number of samples."""
    for inputs in calibration:
        if samples <= 0:
            return
        yield tuple(tensor[:samples] for tensor in inputs)
        samples -= len(inputs[0])


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
