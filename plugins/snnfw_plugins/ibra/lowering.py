"""Decide how each operator of a network handles bits, and fold what a bit is worth into the weights that read it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from torch import Tensor, fx

from snnfw import RATE, SnnfwError, SpikingModel
from snnfw.capture import AVERAGES, MAXIMA, aten, evaluate, get_attribute, is_scaling, operator_name, overload_packet
from snnfw.planning import Kind
from snnfw.spiking import STREAMS
from snnfw_plugins.ibra.node import BinaryNeuron

Gains = tuple[float, ...]
"""What the lowest bits of a stream are worth: s/N of each kind of neuron that it comes from."""

CONVOLUTIONS = frozenset(
    [aten.conv1d, aten.conv2d, aten.conv3d, aten.conv_transpose1d, aten.conv_transpose2d, aten.conv_transpose3d]
)

BIASED = CONVOLUTIONS | {aten.convolution, aten.linear}
"""Products called as (input, weight, bias)."""

BARE = frozenset([aten.matmul, aten.mm, aten.bmm, aten.mv, aten.dot, aten.einsum, aten.tensordot, aten.inner])
"""Products without a bias."""


class Role(StrEnum):
    """What an operator does with bits."""

    PLAIN = "reads none"
    NEURON = "fires them"
    MOVE = "moves or adds them, plane by plane"
    SUM = "adds those of a window, plane by plane; the average's divisor joins what a bit is worth"
    GAIN = "changes what a bit is worth"
    MAXIMUM = "takes the largest integer, before it is sent as bits"
    WEIGH = "adds a weight for each of them"
    READ = "adds what they are worth, each through one connection"


@dataclass(frozen=True, slots=True)
class Lowering:
    """A network in bit-serial form: each operator's role, what its bits are worth, and the weights W s/N of readers."""

    roles: Mapping[fx.Node, Role]
    gains: Mapping[fx.Node, Gains]
    weights: Mapping[tuple[fx.Node, float], Tensor]


def lower(model: SpikingModel) -> Lowering:
    """Return the bit-serial form of a spiking network whose neurons all fire bits.

    Raises:
        SnnfwError: the network is not rate coded, a neuron fires no bits, or an operator that reads them has nothing to
            take s/N into.

    """
    if model.plan.coding != RATE:
        raise SnnfwError(
            f"the network is {model.plan.coding} coded: bits are served that say what a value is in each timestep, and "
            "not what has changed. Convert it with neuron=ibra or ilif, or run it as it is."
        )
    roles: dict[fx.Node, Role] = {}
    gains: dict[fx.Node, Gains] = {}
    weights: dict[tuple[fx.Node, float], Tensor] = {}
    for node in model.graph.nodes:
        kind = model.plan.fates[node.name].kind
        if kind not in (*STREAMS, Kind.READOUT, Kind.OUTPUT):
            continue
        read = {source: _read(model, node, source, gains) for source in node.all_input_nodes if source in gains}
        roles[node] = role = _role(model, node, bool(read))
        worth = tuple(sorted({gain for each in read.values() for gain in each}))
        if role is Role.WEIGH:
            weight = read_constant(model, weight_of(node, next(iter(read))), node)
            weights |= {(node, gain): (weight.double() * gain).to(weight.dtype) for gain in worth}
        elif role is Role.NEURON:
            gains[node] = (_worth(model, node),)
        elif role not in (Role.PLAIN, Role.READ):
            gains[node] = _after(model, node, role, worth)
    return Lowering(roles, gains, weights)


def weight_of(node: fx.Node, stream: fx.Node) -> fx.Node:
    """Return the operand of a product that is no stream."""
    if overload_packet(node) in BIASED and isinstance(node.args[1], fx.Node):
        return node.args[1]
    return next(read for read in node.all_input_nodes if read is not stream)


def window_size(model: SpikingModel, node: fx.Node) -> float:
    """Return how many elements an operator averages everywhere: what it gives times that is their sum."""
    if overload_packet(node) is aten.sum:
        return 1.0
    name = overload_packet(node).__name__
    given: list[Any] = [*node.args, *[None] * 7]
    elements = model.graph.elements
    ratio = elements[node.all_input_nodes[0].name] / elements[node.name]
    if not name.startswith("avg_pool"):
        if "adaptive" in name and not _divides(node):
            raise refusal_error(model, node, "its windows are of different sizes")
        return ratio
    kernel = given[1]
    padded = any(given[3] or ())
    if given[4] or (padded and (given[5] is False or node.kwargs.get("count_include_pad") is False)):
        raise refusal_error(model, node, "its windows at the border are smaller (ceil_mode, count_include_pad)")
    if given[6]:
        return float(given[6])
    return float(math.prod(kernel) if len(kernel) > 1 else kernel[0] ** int(name[-2]))


def scale_factor(model: SpikingModel, node: fx.Node) -> float:
    """Return the one number that a product multiplies its stream by."""
    first, second = node.args[0], node.args[1]
    other: Any = second if isinstance(first, fx.Node) and first.name in model.plan.carriers else first
    value = read_constant(model, other, node) if isinstance(other, fx.Node) else other
    if isinstance(value, Tensor) and value.numel() != 1:
        raise refusal_error(model, node, "it multiplies by a tensor: fold that into the weights that follow")
    return float(value) if overload_packet(node) is aten.mul else 1 / float(value)


def read_constant(model: SpikingModel, node: fx.Node, reader: fx.Node) -> Tensor:
    """Return a weight, computed where it is not stored, with what calibration changed."""
    if node.op == "placeholder" or model.graph.where[node.name] is not None or node.name in model.graph.sizes:
        raise refusal_error(model, reader, "its weight depends on the network's input")
    value: Tensor = (
        get_attribute(model.network, str(node.target))
        if node.op == "get_attr"
        else evaluate(model.network, node, lambda read: read_constant(model, read, reader))
    )
    return value + model.deltas[node.name] if node.name in model.deltas else value


def refusal_error(model: SpikingModel, node: fx.Node, why: str) -> SnnfwError:
    """Return the error for an operator that cannot be served as bits."""
    place = model.graph.paths[node.name] or "the top of the network"
    return SnnfwError(
        f"operator '{operator_name(node)}' at '{place}' cannot absorb what the bits that it reads are worth (1/N): "
        f"{why}. Change the network there, or run it in integer form."
    )


def _read(model: SpikingModel, node: fx.Node, source: fx.Node, gains: Mapping[fx.Node, Gains]) -> Gains:
    """Return the worth of the bits of ``source`` to ``node``: the readout reads bits added up over T timesteps."""
    fates = model.plan.fates
    crosses = fates[node.name].kind not in STREAMS and fates[source.name].kind in STREAMS
    return tuple(gain / model.timesteps for gain in gains[source]) if crosses else gains[source]


def _role(model: SpikingModel, node: fx.Node, reads_bits: bool) -> Role:
    fate, operator = model.plan.fates[node.name], overload_packet(node)
    if fate.kind is Kind.SPIKING:
        return Role.NEURON
    if not reads_bits:
        return Role.PLAIN
    if fate.kind is Kind.ANALOG:
        raise refusal_error(model, node, "it is not linear")
    if node.name in model.plan.carriers and not _wants_indices(node):
        if operator in MAXIMA:
            return Role.MAXIMUM
        if is_scaling(node):
            return Role.GAIN
        return Role.SUM if operator in AVERAGES else Role.MOVE
    if fate.events and operator not in BIASED | BARE:
        raise refusal_error(model, node, "its weights have another place: write it as linear or matmul")
    return Role.WEIGH if fate.events else Role.READ


def _after(model: SpikingModel, node: fx.Node, role: Role, worth: Gains) -> Gains:
    """Return the worth of the bits behind an operator."""
    if role is Role.SUM:
        return tuple(gain / window_size(model, node) for gain in worth)
    if role is Role.GAIN:
        return tuple(sorted(gain * scale_factor(model, node) for gain in worth))
    if role is Role.MAXIMUM and (len(worth) > 1 or worth[0] <= 0):
        raise refusal_error(model, node, "it compares the integers of neurons with different scales")
    return worth


def _worth(model: SpikingModel, node: fx.Node) -> float:
    """Return the worth of a neuron's lowest bit, s/N."""
    neuron, placement = model.neurons[node.name], model.plan.fates[node.name].placement
    site = placement.site.name if placement else node.name
    if not isinstance(neuron, BinaryNeuron):
        fires = f" ({placement.neuron.name})" if placement else ""
        raise SnnfwError(f"the neuron at '{site}'{fires} fires no bits: only networks of ibra neurons are served so.")
    if neuron.threshold.numel() != 1:
        raise SnnfwError(f"the neuron at '{site}' has a scale for each channel: convert with one for each layer.")
    return float(neuron.threshold) / neuron.resolution


def _wants_indices(node: fx.Node) -> bool:
    """Tell whether a readout asks where a maximum was, which no bits say."""
    if overload_packet(node) not in MAXIMA or not isinstance(node.meta.get("val"), tuple | list):
        return False
    return any(user.args[1] != 0 for user in node.users)


def _divides(node: fx.Node) -> bool:
    """Tell whether an adaptive pool's windows are all of one size."""
    source: Any = node.args[0]
    before, after = source.meta["val"].shape, node.meta["val"].shape
    spatial = int(overload_packet(node).__name__[-2])
    return all(int(a) % int(b) == 0 for a, b in zip(before[-spatial:], after[-spatial:], strict=True))
