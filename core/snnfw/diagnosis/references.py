"""Ask the network itself what each site's neuron should send."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from snnfw.conversion.activations import like_weights, walk_sites
from snnfw.spiking.frames import first_frames, frames_in, mean_over_frames, single_frames
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs, Site


def seen_inputs(model: SpikingModel, inputs: Inputs) -> Inputs:
    """Return what a run of the model sees of inputs, where and in the precision in which the network computes."""
    return like_weights(first_frames(model.graph, inputs, model.timesteps), model.graph.module)


def still_inputs(model: SpikingModel, inputs: Inputs) -> Inputs:
    """Return single inputs: of frames the last one in delta coding, and the mean of all in rate coding."""
    if frames_in(model.graph, inputs) is None:
        return inputs
    return tuple(tensor[:, -1] if model.coding.sends_changes else tensor.mean(1) for tensor in inputs)


def own_values(model: SpikingModel, inputs: Inputs) -> Iterator[tuple[Site, Tensor, Tensor]]:
    """Yield every site with f of the network's input there, and the activation that the neuron stands in for.

    Of frames, delta coding follows the last one and rate coding the mean of all, of which f is not the mean of f.
    """
    graph, frames = model.graph, frames_in(model.graph, inputs)
    if frames is None or model.coding.sends_changes:
        for site, _, activation in walk_sites(graph, still_inputs(model, inputs)):
            yield site, activation, activation
        return
    for site, current, activation in walk_sites(graph, single_frames(graph, inputs)):
        place = graph.where[site.node]
        still = site.function(mean_over_frames(current, place, frames))
        yield site, still, mean_over_frames(activation, place, frames)
