"""Samples of several frames: which of them a run sees, and what the network itself makes of each."""

from __future__ import annotations

from torch import Tensor, fx

from snnfw.capture.graph import BatchDim, Graph, split_batch
from snnfw.errors import SnnfwError
from snnfw.neurons.timefold import fold
from snnfw.spiking.coding import Coding
from snnfw.spiking.memory import to_channels_last
from snnfw.values import Inputs


class Frames:
    """Inputs [N, frames, ...], of which every timestep is shown the next frame; ``shown`` have been so far."""

    def __init__(self, inputs: Inputs, coding: Coding) -> None:
        self.inputs, self.coding, self.shown = inputs, coding, 0

    def next(self, graph: Graph, node: fx.Node, steps: int) -> Tensor:
        """Return the next frames of one input as a stream; ``shown`` moves on when all of them were asked for.

        In delta coding they are changes against the frame before.
        """
        given = self.inputs[graph.inputs.index(node)]
        before = given[:, self.shown - 1] if self.shown else None
        frames = frames_between(given, self.shown, self.shown + steps).movedim(1, 0)
        return to_channels_last(fold(self.coding.encode_frames(frames, before), graph.where[node.name]))

    def keep(self, samples: Tensor) -> None:
        """Go on with the samples of these indices ([K], long) alone."""
        self.inputs = tuple(frames.index_select(0, samples) for frames in self.inputs)


def frames_between(samples: Tensor, start: int, end: int) -> Tensor:
    """Return some frames of samples [N, frames, ...]."""
    if samples.shape[1] < end:
        raise SnnfwError(
            f"the input holds {samples.shape[1]} frames and timestep {end} is asked for: run at most as many timesteps "
            "as there are frames."
        )
    return samples[:, start:end]


def frames_in(graph: Graph, inputs: Inputs) -> int | None:
    """Return how many frames whole samples [N, frames, ...] hold; None where they are what the network takes."""
    for tensor, node in zip(inputs, graph.inputs, strict=True):
        if tensor.dim() == node.meta["val"].dim() + 1:
            return tensor.shape[1]
    return None


def require_frames(timesteps: int, frames: int | None) -> None:
    """Refuse more timesteps than data has frames, which is None where it has none."""
    if frames is not None and timesteps > frames:
        raise SnnfwError(
            f"timesteps={timesteps} and the data holds {frames} frames: give timesteps={frames} or fewer, "
            "or cut the data into more frames."
        )


def whole_samples(graph: Graph, inputs: Inputs) -> Inputs:
    """Return inputs that vary in time, refusing single frames."""
    if frames_in(graph, inputs) is None:
        raise SnnfwError(
            f"the input varies in time and single frames of shape {list(inputs[0].shape)} are given: give whole "
            "samples, [N, frames, ...]."
        )
    return inputs


def first_frames(graph: Graph, inputs: Inputs, steps: int) -> Inputs:
    """Return the frames of whole samples that a run of so many timesteps sees; other inputs as they are."""
    if frames_in(graph, inputs) is None:
        return inputs
    return tuple(frames_between(tensor, 0, steps) for tensor in inputs)


def single_frames(graph: Graph, inputs: Inputs) -> Inputs:
    """Return the inputs of the network itself: of whole samples the frames, [N · frames, ...]."""
    if frames_in(graph, inputs) is None:
        return inputs
    return tuple(tensor.flatten(0, 1) for tensor in inputs)


def mean_frame(graph: Graph, inputs: Inputs) -> Inputs:
    """Return the mean over time of whole samples, [N, ...]; other inputs as they are."""
    return inputs if frames_in(graph, inputs) is None else tuple(tensor.mean(1) for tensor in inputs)


def mean_over_frames(value: Tensor, place: BatchDim | None, frames: int | None) -> Tensor:
    """Return the mean over the frames of each sample, of a value that the network has for every frame by itself."""
    if frames is None or place is None:
        return value
    split = split_batch(value, place).unflatten(place.dim + 1, (-1, frames))
    result: Tensor = split.mean(place.dim + 2).flatten(place.dim, place.dim + 2)
    return result
