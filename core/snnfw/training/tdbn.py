"""Threshold-dependent batch normalisation: start each batch norm at the scale of the threshold that follows it."""

from __future__ import annotations

import math

import torch
from torch import fx

from snnfw.capture.graph import Graph, attribute
from snnfw.capture.sites import packet
from snnfw.capture.trainable import is_frozen, norms
from snnfw.errors import SnnfwError
from snnfw.plan.place import Plan

aten = torch.ops.aten


@torch.no_grad()
def scale_norms(graph: Graph, plan: Plan) -> dict[str, float]:
    """Multiply the gain of every batch norm by α·V_th, once, and return the factor of each by module path.

    V_th is the ``threshold`` of the neuron that the norm's output reaches first; 1 where there is none.

    y = λ · α · V_th · (x - E[x]) / √(Var[x] + ε) + β over timesteps, samples and places, Zheng et al. ("Going Deeper
    With Directly-Trained Larger Spiking Neural Networks", AAAI 2021), Eq. 3; α is 1/√2 where a branch is summed with
    another one, else 1. As in SpikingJelly, λ · α · V_th is one parameter.

    Raises:
        SnnfwError: a batch norm has no gain to scale.

    """
    factors: dict[str, float] = {}
    for norm in norms(graph.module):
        weight = norm.args[1]
        path = graph.paths[norm.name]
        if not isinstance(weight, fx.Node):
            raise SnnfwError(
                f"the batch norm '{path}' has no gain (affine=False) that a threshold could scale: give it one, or "
                "say trainer.norm=batch."
            )
        if path in factors or is_frozen(graph.module, norm):
            continue  # a module that is called twice, or that stays as it is
        factors[path] = _threshold_behind(norm, plan) * (math.sqrt(0.5) if _is_summed(norm) else 1.0)
        attribute(graph.module, str(weight.target)).mul_(factors[path])
    return factors


def _is_summed(norm: fx.Node) -> bool:
    """Tell whether a batch norm's output is one of several branches of a sum."""
    return any(
        packet(user) is aten.add and sum(isinstance(arg, fx.Node) for arg in user.args) > 1 for user in norm.users
    )


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
