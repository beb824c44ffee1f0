"""Ask a neuron itself what it sends for a steady input, and how far what it can send reaches."""

from __future__ import annotations

import torch
from torch import Tensor

from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.spiking.coding import Coding
from snnfw.values import Site

FAR = 16.0
"""How far beyond every value and every burst the inputs are that find the ends of what a neuron can send."""


def steady_value(neuron: SpikingNeuron, value: Tensor, coding: Coding, timesteps: int) -> Tensor:
    """Return what a neuron has sent after some timesteps of a steady input that stands for ``value``, [*shape]."""
    neuron.reset()
    sent = stream_value(neuron(coding.inject(value, timesteps, begun=False).contiguous()), coding)
    neuron.reset()
    return sent


def stream_value(stream: Tensor, coding: Coding) -> Tensor:
    """Return the value that a whole stream [T, *shape] stands for."""
    return stream.sum(0) if coding.sends_changes else stream.mean(0)


def reachable(
    neuron: SpikingNeuron, site: Site, value: Tensor, steady: Tensor, burst: int, coding: Coding, timesteps: int
) -> tuple[Tensor, Tensor]:
    """Return the smallest and the largest value that a neuron can send, broadcasting against ``value``.

    They are what it sends for inputs far below and far above everything, and for the inputs at hand, over a channel:
    a function that falls and rises again has an end in between.
    """
    height = float(neuron.threshold.abs().max()) * max(1, burst)
    far = FAR * max(float(value.abs().max()) if value.numel() else 0.0, height, 1e-6)
    ends = [steady_value(neuron, torch.full_like(value, sign * far), coding, timesteps) for sign in (-1, 1)]
    others = [dim for dim in range(steady.dim()) if dim != site.channel % max(1, steady.dim())]
    seen = (steady.amin(others, keepdim=True), steady.amax(others, keepdim=True)) if others else (steady, steady)
    return torch.minimum(torch.minimum(*ends), seen[0]), torch.maximum(torch.maximum(*ends), seen[1])
