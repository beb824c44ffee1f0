"""Try other neurons at the sites of a spiking model, one at a time, without running again what precedes the site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from spikingjelly.activation_based.base import MemoryModule
from torch import Tensor, fx, nn

from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs, Site


@torch.no_grad()
def run_branches(
    model: SpikingModel, inputs: Inputs, substitutes: Mapping[str, Sequence[SpikingNeuron]], seed: int = 0
) -> Iterator[tuple[Site, int]]:
    """Yield each site with the index of one of its ``substitutes``, by the site's name, in the order of execution.

    All timesteps of the batch run at once as far as a site; from there they run once for each substitute, with states
    of their own, before they go on with the model's own neuron. Whenever something is yielded the model is as after a
    whole run with that substitute in its place: its output can be read, its events counted. When nothing more is, it
    is as after a run unchanged. Every operator finds the generators seeded alike, whatever else is substituted.
    """
    with _drawing_alike(seed):
        model.begin(inputs)
    model.show_frames(model.timesteps)
    model.elapsed = model.timesteps
    sites = {site.node: site for site, _ in model.site_neurons()}
    streams = model.streams
    values: dict[fx.Node, Any] = {}
    for index, node in enumerate(streams):
        if node.name in sites:
            site = sites[node.name]
            for number, neuron in enumerate(substitutes.get(site.name, ())):
                yield from _branch(model, streams[index:], dict(values), neuron, (site, number), seed)
        with _drawing_alike(seed):
            model.run_streams([node], values, model.timesteps)


def _branch(
    model: SpikingModel,
    rest: Sequence[fx.Node],
    values: dict[fx.Node, Any],
    neuron: SpikingNeuron,
    found: tuple[Site, int],
    seed: int,
) -> Iterator[tuple[Site, int]]:
    """Run the rest of the streams with another neuron at the first of them; forget it all afterwards."""
    own = model.neurons[rest[0].name]
    model.neurons[rest[0].name] = neuron
    try:
        with _drawing_alike(seed):
            model.run_streams(rest, values, model.timesteps, _fire_without_overwriting)
        yield found
    finally:
        _reset(model, rest)
        model.neurons[rest[0].name] = own


@contextmanager
def _drawing_alike(seed: int) -> Iterator[None]:
    """Seed torch's generators, and leave them as they were; ``torch.manual_seed`` takes as long as a small layer."""
    generators = [torch.default_generator, *(torch.cuda.default_generators if torch.cuda.is_initialized() else ())]
    before = [generator.get_state() for generator in generators]
    try:
        for generator in generators:
            generator.manual_seed(seed)
        yield
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.set_state(state)


def _fire_without_overwriting(site: Site, neuron: SpikingNeuron, drive: Tensor) -> Tensor:
    """Fire without writing the output over the input, which other branches read as well."""
    del site
    output: Tensor = neuron(drive)
    return output


def _reset(model: SpikingModel, nodes: Iterable[fx.Node]) -> None:
    for node in nodes:
        modules: nn.ModuleDict
        for modules in (model.neurons, model.cumulative, model.means):
            if node.name in modules:
                cast("MemoryModule", modules[node.name]).reset()
