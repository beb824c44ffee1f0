"""Run the network itself on calibration data and show every site's activations to its observer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from snnfw.capture.graph import Graph, evaluate, last_uses
from snnfw.errors import SnnfwError, has_attributes, wrong_kind_error
from snnfw.spiking.frames import first_frames, frames_in, mean_over_frames, single_frames
from snnfw.spiking.memory import to_channels_last
from snnfw.values import Batch, Batches, Inputs, Observer, Resources, Site, SiteStats
from snnfw.values.samples import count_batches


def observe(
    graph: Graph,
    observers: Mapping[str, Observer],
    calibration: Batches[Inputs],
    resources: Resources,
    batches: int | None = None,
) -> dict[str, SiteStats]:
    """Return each site's statistics over the first ``batches`` calibration batches (default: all)."""
    there = count_batches(calibration, "the calibration data")
    total = there if batches is None else min(batches, there)
    if total == 0:
        raise SnnfwError("there is no calibration data: give at least one batch.")
    for name, observer in observers.items():
        if not has_attributes(observer, "update", "stats"):
            raise wrong_kind_error(f"the observer of '{name}'", observer, "a snnfw.Observer, with update and stats")
    for index, inputs in enumerate(resources.track(islice(calibration, total), "observe activations", total)):
        require_inputs(inputs, f"calibration batch {index}", len(graph.inputs))
        for site, activation in activations(graph, to_device(inputs, resources.device)):
            if site.name in observers:
                observers[site.name].update(activation)
    return {name: observer.stats() for name, observer in observers.items()}


def activations(graph: Graph, inputs: Inputs) -> Iterator[tuple[Site, Tensor]]:
    """Yield every site and its activation for a batch, holding no more than the network itself would.

    Of whole samples [N, frames, ...] the network sees every frame by itself, N · frames of them.
    """
    for site, _, activation in walk_sites(graph, single_frames(graph, inputs)):
        yield site, activation


@torch.no_grad()
def walk_sites(
    graph: Graph, inputs: Inputs, instead: Mapping[str, Tensor] | None = None
) -> Iterator[tuple[Site, Tensor, Tensor]]:
    """Yield every site with its input and its activation for a batch of what the network takes, in order.

    ``instead`` holds activations by the sites' names, which what follows reads instead of the network's own.
    """
    sites = {site.node: site for site in (*graph.sites, *graph.gates)}
    given = {node: instead[site.name] for node, site in sites.items() if instead and site.name in instead}
    values: dict[fx.Node, Any] = {node: to_channels_last(x) for node, x in zip(graph.inputs, inputs, strict=True)}
    freed = last_uses(graph.nodes)
    for node in graph.nodes:
        if node.name in graph.sizes:
            values[node] = graph.sizes[node.name](len(inputs[0]))
        elif node.name in given:
            values[node] = given[node.name]
        elif node.op not in ("placeholder", "output"):
            values[node] = evaluate(graph.module, node, values.__getitem__)
        if node.name in sites:
            yield sites[node.name], values[cast("fx.Node", node.args[0])], values[node]
        for done in freed[node]:
            values.pop(done, None)


def mean_activations(graph: Graph, inputs: Inputs, timesteps: int) -> Iterator[tuple[Site, Tensor]]:
    """Yield every site and what its neuron's mean output over a run should be: the activation of each sample.

    Of whole samples [N, frames, ...] it is the mean over the frames that the run sees.
    """
    seen = first_frames(graph, inputs, timesteps)
    frames = frames_in(graph, seen)
    for site, activation in activations(graph, seen):
        yield site, mean_over_frames(activation, graph.where[site.node], frames)


def first_samples(calibration: Batches[Inputs], samples: int) -> Inputs:
    """Return the first calibration samples as one batch."""
    return tuple(torch.cat(tensors) for tensors in zip(*take_samples(calibration, samples), strict=True))


def take_samples(batches: Iterable[Inputs], samples: int) -> Iterator[Inputs]:
    """Yield the first samples, at least one, batch by batch; no batch behind them is read."""
    for inputs in batches:
        yield tuple(tensor[:samples] for tensor in inputs)
        samples -= len(inputs[0])
        if samples <= 0:
            return


def require_inputs(inputs: Inputs, what: str, arguments: int) -> Inputs:
    """Return the inputs, refusing others than one tensor for each of the network's arguments, and NaN and infinity."""
    wanted = "a tuple with one tensor for each of the network's arguments, such as (x,)"
    if not isinstance(inputs, tuple | list):
        raise wrong_kind_error(what, inputs, wanted)
    for given in inputs:
        if not isinstance(given, Tensor):
            raise wrong_kind_error(f"one of {what}", given, wanted)
    if len(inputs) != arguments:
        raise SnnfwError(
            f"{what} holds {len(inputs)} tensors and the network takes {arguments}: give {wanted}, without labels."
        )
    for tensor in inputs:
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise SnnfwError(f"{what} holds NaN or infinite values: clean the data.")
    return inputs


def require_batch(batch: Batch, what: str, arguments: int) -> Batch:
    """Return an evaluation batch, refusing one that does not say which are inputs, or whose inputs don't fit."""
    if not isinstance(batch, Batch):
        raise wrong_kind_error(what, batch, "Batch(inputs=(x,), target=y)")
    require_inputs(batch.inputs, what, arguments)
    return batch


def to_device(inputs: Inputs, device: str) -> Inputs:
    """Return the inputs on a device."""
    return tuple(tensor.to(device) for tensor in inputs)


def like_weights(inputs: Inputs, module: nn.Module) -> Inputs:
    """Return the inputs where a module's weights are, in their precision; integers stay integers."""
    held = (*module.parameters(), *module.buffers())
    like = next((tensor for tensor in held if tensor.is_floating_point()), None)
    if like is None:
        return inputs
    return tuple(x.to(like.device, like.dtype if x.is_floating_point() else x.dtype) for x in inputs)
