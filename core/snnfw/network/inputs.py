"""What a spiking network may be called with: as many inputs as it takes, of its shapes, types and device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx

from snnfw.capture.graph import require_shapes
from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.spiking.frames import frames_in, whole_samples
from snnfw.spiking.model import SpikingModel
from snnfw.spiking.precision import Kind, dtype_name, kind_of


def require_fitting(model: SpikingModel, inputs: Sequence[Any]) -> None:
    """Refuse inputs that the network cannot take, each for its own reason.

    Raises:
        SnnfwError: they are too many or too few, no tensors, of another shape, type or device, or hold no sample.

    """
    takes = model.graph.inputs
    if len(inputs) != len(takes):
        raise SnnfwError(f"the network takes {_count(len(takes))} and is given {len(inputs)}: give {_shapes(model)}.")
    for given in inputs:
        if not isinstance(given, Tensor):
            raise wrong_kind_error("an input", given, f"a tensor, {_shapes(model)}")
    tensors = tuple(inputs)
    if model.plan.temporal:
        whole_samples(model.graph, tensors)
    require_shapes(model.graph, tensors, frames=model.plan.temporal)
    if not len(tensors[0]):
        raise SnnfwError("the inputs hold no sample: give at least one.")
    frames = frames_in(model.graph, tensors) if model.plan.temporal else None
    if frames is not None and frames < model.timesteps:
        raise SnnfwError(
            f"the inputs hold {frames} frames and the network runs for {model.timesteps} timesteps: give samples of at "
            "least as many frames."
        )
    kind = kind_of(model.graph, model.network, model.neurons.buffers())
    for tensor, node in zip(tensors, takes, strict=True):
        _require_kind(tensor, node, kind)


def _require_kind(tensor: Tensor, node: fx.Node, kind: Kind) -> None:
    if tensor.device != kind.device:
        raise SnnfwError(
            f"an input lies on {tensor.device} and the network on {kind.device}: give x.to('{kind.device}'), or move "
            f"the network, snn.to('{tensor.device}')."
        )
    wanted: torch.dtype = node.meta["val"].dtype
    if wanted.is_floating_point:
        wanted = kind.dtype
    if tensor.dtype is wanted or (tensor.is_floating_point() and torch.is_autocast_enabled(tensor.device.type)):
        return
    raise SnnfwError(
        f"an input is of type {dtype_name(tensor.dtype)} and the network takes {dtype_name(wanted)}: give "
        f"x.to(torch.{dtype_name(wanted)})."
    )


def _count(inputs: int) -> str:
    return f"{inputs} input{'s' * (inputs != 1)}"


def _shapes(model: SpikingModel) -> str:
    lead = "N, frames" if model.plan.temporal else "N"
    sizes = (", ".join(map(str, (lead, *node.meta["val"].shape[1:]))) for node in model.graph.inputs)
    return " and ".join(f"[{size}]" for size in sizes)
