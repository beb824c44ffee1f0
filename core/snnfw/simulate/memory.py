"""How much fits into memory at once: timesteps of a batch, or samples of a whole run."""

from __future__ import annotations

import torch

from snnfw.capture.graph import last_uses
from snnfw.spiking.model import SpikingModel
from snnfw.spiking.reading import STREAMS

SLACK = 2
"""Operators allocate beside their result (unfolded convolutions, a neuron's intermediate steps)."""


def steps_within(model: SpikingModel, samples: int, memory: int) -> int:
    """Return how many timesteps of a batch may run at once in ``memory`` bytes; at least one."""
    return max(1, memory // max(1, bytes_per_step(model) * samples))


def advance_within(model: SpikingModel, timestep: int, memory: int) -> None:
    """Run a batch that has begun up to a timestep, in chunks of as many timesteps as ``memory`` bytes hold."""
    longest = steps_within(model, model.samples, memory)
    while model.elapsed < timestep:
        model.advance(min(longest, timestep - model.elapsed))


def samples_within(model: SpikingModel, timesteps: int, memory: int) -> int:
    """Return how many samples may run through all timesteps at once; at least two."""
    return max(2, memory // max(1, bytes_per_step(model) * timesteps))


def bytes_per_step(model: SpikingModel) -> int:
    """Return the largest memory that one sample's streams need at one timestep, as they come and go."""
    graph, fates = model.graph, model.plan.fates
    streams = tuple(node for node in graph.nodes if fates[node.name].kind in STREAMS)
    freed = last_uses(streams)
    live = peak = 0
    held: dict[str, int] = {}
    for node in streams:
        value = node.meta["val"]
        dtype = getattr(value, "dtype", torch.float32)
        width = (model.moved.follow(dtype) if model.moved else dtype).itemsize
        held[node.name] = graph.elements.get(node.name, 0) * width
        live += held[node.name]
        peak = max(peak, live)
        live -= sum(held.pop(done.name, 0) for done in freed[node])
    return SLACK * peak
