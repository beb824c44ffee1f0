"""Correct the mean error of every layer in one pass over the spiking network."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from snnfw import DELTA, Batches, Inputs, Resources, Site
from snnfw.conversion import first_samples, mean_activations, to_device
from snnfw.simulate import samples_within

LOG = logging.getLogger("snnfw")

if TYPE_CHECKING:
    from snnfw import SpikingModel, SpikingNeuron

    Change = Callable[[Site, SpikingNeuron, Tensor, int], None]


def correction_inputs(model: SpikingModel, calibration: Batches[Inputs], samples: int, resources: Resources) -> Inputs:
    """Return the first ``samples`` calibration samples as one batch, fewer where memory does not hold them.

    All timesteps of all of them run at once.
    """
    fitting = samples_within(model, model.timesteps, resources.memory)
    inputs = first_samples(calibration, samples)
    given = len(inputs[0])
    if fitting < given:
        LOG.warning(
            "snnfw: the correction uses %d samples instead of %d, which memory=%d bytes does not hold: give more "
            "memory, or say converter.samples=%d.",
            fitting,
            given,
            resources.memory,
            fitting,
        )
    return to_device(tuple(tensor[:fitting] for tensor in inputs), resources.device)


@torch.no_grad()
def correct(model: SpikingModel, inputs: Inputs, *, bias: bool, potential: bool) -> None:
    """Correct biases, then initial potentials, each where that is asked for.

    The network runs layer by layer with all timesteps in the batch, so each layer can be corrected on the way, behind
    the layers already corrected: one run of the spiking network instead of one for each layer.
    """
    wanted = {
        site.name: activation.mean(_batch_dim(site), keepdim=True)
        for site, activation in mean_activations(model.graph, inputs, model.timesteps)
    }
    for wished, change in ((bias, _bias), (potential, _potential)):
        if wished:
            _correct_each_site(model, inputs, wanted, change)


def _correct_each_site(model: SpikingModel, inputs: Inputs, wanted: Mapping[str, Tensor], change: Change) -> None:
    def visit(site: Site, neuron: SpikingNeuron, drive: Tensor) -> Tensor:
        output: Tensor = neuron(drive)
        if not neuron.calibrated:
            return output
        reached = _value(output, neuron.coding, model.plan.temporal)
        error = wanted[site.name] - reached.mean(_batch_dim(site), keepdim=True)
        change(site, neuron, error, model.timesteps)
        neuron.reset()
        corrected: Tensor = neuron(drive)
        return corrected

    model.begin(inputs)
    model.advance(model.timesteps, visit)


def _value(output: Tensor, coding: str, temporal: bool) -> Tensor:
    """Return what an output [T, *shape] stands for; of frames in delta coding, the mean over them."""
    if coding != DELTA:
        return output.mean(0)
    return output.cumsum(0).mean(0) if temporal else output.sum(0)


def _bias(site: Site, neuron: SpikingNeuron, error: Tensor, timesteps: int) -> None:
    """Add each channel's mean error to its input: b := b + mean(o - s), Adaptive Calibration, Eq. 6.

    In delta coding what is constant comes once, so that it is part of the initial potential.
    """
    others = [dim for dim in range(error.dim()) if dim != site.channel]
    if neuron.coding == DELTA:
        _potential(site, neuron, error.mean(others, keepdim=True), timesteps)
    else:
        neuron.offset = neuron.offset + error.mean(others, keepdim=True)


def _potential(site: Site, neuron: SpikingNeuron, error: Tensor, timesteps: int) -> None:
    """Start each neuron with what it lacks over the whole run: V(0) := V(0) + T · mean over samples of (o - s).

    In delta coding that is the error of its value, and not T times as much.
    """
    del site
    neuron.initial = neuron.initial + (1 if neuron.coding == DELTA else timesteps) * error


def _batch_dim(site: Site) -> int:
    return site.shape.index(None)
