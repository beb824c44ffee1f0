"""Threshold-dependent batch normalisation: start each batch norm at the scale of the threshold that follows it."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import fx

from snnfw.capture.graph import Graph, get_attribute
from snnfw.capture.sites import overload_packet
from snnfw.capture.trainable import batch_norms, is_frozen
from snnfw.errors import SnnfwError
from snnfw.planning.placement import Plan
from snnfw.values import Keep

aten = torch.ops.aten

Reading = Literal["tdbn", "tdbn-code"]
"""Whose factors: the paper's, or those of the code that InfLoR's authors published."""


@torch.no_grad()
def scale_norms(graph: Graph, plan: Plan, reading: Reading = "tdbn") -> dict[str, float]:
    """Multiply the gain of every batch norm by α·V_th, once, and return the factor of each by module path.

    V_th is the ``threshold`` of the neuron that the norm's output reaches first; 1 where there is none.

    y = λ · α · V_th · (x - E[x]) / √(Var[x] + ε) + β over timesteps, samples and places, Zheng et al. ("Going Deeper
    With Directly-Trained Larger Spiking Neural Networks", AAAI 2021), Eq. 3; α is 1/√2 where a branch is summed with
    another one, else 1. As in SpikingJelly, λ · α · V_th is one parameter. In the code of Guo et al. (Re-Loss) α is
    1/√2 only where both branches end in a batch norm, and norms that no neuron feeds are plain ones.

    Raises:
        SnnfwError: a batch norm has no gain to scale.

    """
    factors: dict[str, float] = {}
    for norm in batch_norms(graph.module):
        weight = norm.args[1]
        path = graph.paths[norm.name]
        if path in factors or is_frozen(graph.module, norm):
            continue  # a module that is called twice, or that stays as it is
        factors[path] = _factor(norm, plan, reading)
        if factors[path] == 1.0:
            continue
        if not isinstance(weight, fx.Node):
            raise SnnfwError(
                f"the batch norm '{path}' has no gain (affine=False) that a threshold could scale: give it one, or "
                "say trainer.norm=batch."
            )
        get_attribute(graph.module, str(weight.target)).mul_(factors[path])
    return factors


@torch.no_grad()
def raise_gains(graph: Graph, factor: float) -> None:
    """Multiply the gain of every batch norm that is trained, once each, so that what neurons get spreads further.

    One of the ways that section 3.4 of Ye et al. (2025), IBRA-LIF, names beside range alignment.
    """
    seen: set[str] = set()
    for norm in batch_norms(graph.module):
        path, weight = graph.paths[norm.name], norm.args[1]
        if path in seen or is_frozen(graph.module, norm):
            continue
        seen.add(path)
        if not isinstance(weight, fx.Node):
            raise SnnfwError(
                f"the batch norm '{path}' has no gain (affine=False) that could be larger: give it one, or leave "
                "trainer.gain out."
            )
        get_attribute(graph.module, str(weight.target)).mul_(factor)


def _factor(norm: fx.Node, plan: Plan, reading: Reading) -> float:
    """Return α·V_th."""
    if reading == "tdbn-code" and not _is_fed_by_a_neuron(norm, plan):
        return 1.0
    others = _summed_with(norm)
    halved = all(other.target is aten.batch_norm.default for other in others) if reading == "tdbn-code" else True
    return _threshold_behind(norm, plan) * (math.sqrt(0.5) if others and halved else 1.0)


def _summed_with(norm: fx.Node) -> list[fx.Node]:
    """Return the other branches of the sums that a batch norm's output is a branch of."""
    sums = [user for user in norm.users if overload_packet(user) is aten.add]
    return [arg for user in sums for arg in user.args if isinstance(arg, fx.Node) and arg is not norm]


def _is_fed_by_a_neuron(norm: fx.Node, plan: Plan) -> bool:
    """Tell whether spikes reach a batch norm; none reach the stem's."""
    behind, seen = [norm], {norm}
    while behind:
        node = behind.pop()
        placement = plan.fates[node.name].placement
        if placement and not isinstance(placement.neuron, Keep):
            return True
        new = [read for read in node.all_input_nodes if read not in seen]
        behind += new
        seen.update(new)
    return False


def _threshold_behind(norm: fx.Node, plan: Plan) -> float:
    """Return the threshold of the first neuron behind a node."""
    ahead, seen = list(norm.users), set(norm.users)
    while ahead:
        node = ahead.pop(0)
        placement = plan.fates[node.name].placement
        if placement:
            return getattr(placement.neuron, "threshold", None) or 1.0
        new = [user for user in node.users if user not in seen]
        ahead += new
        seen.update(new)
    return 1.0
