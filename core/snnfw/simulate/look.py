"""Let a task draw what the network and the spiking network see in a few samples, at several timesteps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from snnfw.capture.graph import Graph
from snnfw.conversion.activations import require_inputs, to_device
from snnfw.simulate.memory import advance_within
from snnfw.simulate.run import network_output
from snnfw.simulate.trace import Trace
from snnfw.spiking.model import SpikingModel
from snnfw.values import Bundle, Drawing, Inputs, Output, Resources, View

MOST_TIMESTEPS = 4
"""Most checkpoints to draw: the last ones."""

MOST_MOMENTS = 64
"""Most timesteps to look at where a gallery asks for every one of them."""


@torch.no_grad()
def draw_gallery(
    graph: Graph,
    model: SpikingModel,
    bundle: Bundle,
    trace: Trace,
    network_scores: Mapping[str, float],
    resources: Resources,
) -> Sequence[Drawing]:
    """Return the task's pictures of a finished run; none where the task draws nothing.

    The samples run once more, all timesteps through whatever the exit rule, so the model's state is lost.
    """
    gallery = bundle.gallery
    if gallery is None:
        return ()
    batch = gallery.batch()
    inputs = to_device(require_inputs(batch.inputs, "the samples to draw", len(graph.inputs)), resources.device)
    scores = {point.timestep: point.scores for point in trace.points[-MOST_TIMESTEPS:]}
    network = network_output(graph, inputs, bundle.data.frames)
    chosen = gallery.choose(batch, network, trace.final.scorer) if gallery.choose else None
    run = inputs if chosen is None else tuple(tensor[list(chosen)] for tensor in inputs)
    view = View(
        batch=batch,
        network=network,
        spiking=_outputs(model, run, _moments(tuple(scores), gallery.every), resources.memory),
        network_scores=network_scores,
        scores=scores,
        scorer=trace.final.scorer,
        chosen=chosen,
    )
    return gallery.draw(view)


def _moments(checkpoints: Sequence[int], every: bool) -> Sequence[int]:
    """Return the timesteps to look at: checkpoints, or all up to the last one, thinned out where they are too many."""
    if not every:
        return checkpoints
    last = checkpoints[-1]
    count = min(last, MOST_MOMENTS)
    return [-(-last * moment // count) for moment in range(1, count + 1)]


def _outputs(model: SpikingModel, inputs: Inputs, timesteps: Sequence[int], memory: int) -> dict[int, Output]:
    """Return the spiking network's outputs after some timesteps of one run."""
    found = {}
    model.begin(inputs)
    for timestep in timesteps:
        advance_within(model, timestep, memory)
        found[timestep] = model.read()
    return found
