"""Run a graph of NIR in timesteps of length 1: edges sum, and one that closes a circle arrives a timestep later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from snnfw.errors import SnnfwError
from snnfw.exports.loop import Step
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs

Edges = Sequence[tuple[str, str]]


@torch.no_grad()
def run_graph(graph: Any, inputs: Inputs, sites: Sequence[str], model: SpikingModel) -> Iterator[Step]:
    """Yield the mean of the outputs so far and what each site sends, timestep by timestep."""
    order, late = order_nodes(graph)
    states: dict[str, Tensor] = {}
    sent: dict[str, Tensor] = {}
    total: Any = 0
    for timestep in range(model.timesteps):
        before, sent = sent, {}
        for name in order:
            sources = [
                (before if (source, target) in late else sent).get(source)
                for source, target in graph.edges
                if target == name
            ]
            arriving = [value for value in sources if value is not None]
            if name == "input":
                arriving = [inputs[0][:, timestep] if model.plan.temporal else inputs[0]]
            sent[name] = _advance(name, graph.nodes[name], sum(arriving[1:], arriving[0]), states)
        total = total + sent["output"]
        yield [total / (timestep + 1)], [sent[site] for site in sites]


def order_nodes(graph: Any) -> tuple[list[str], frozenset[tuple[str, str]]]:
    """Return the nodes, each behind what it reads, and the edges that close a circle."""
    following: dict[str, list[str]] = defaultdict(list)
    for source, target in graph.edges:
        following[source].append(target)
    done: list[str] = []
    open_: dict[str, Iterator[str]] = {"input": iter(following["input"])}
    late: set[tuple[str, str]] = set()
    while open_:
        name, targets = next(reversed(open_.items()))
        target = next(targets, None)
        if target is None:
            done.append(name)
            del open_[name]
        elif target in open_:
            late.add((name, target))
        elif target not in done:
            open_[target] = iter(following[target])
    return done[::-1], frozenset(late)


def _advance(name: str, node: Any, x: Tensor, states: dict[str, Tensor]) -> Tensor:
    kind = type(node).__name__
    if kind in CURRENTS:
        return CURRENTS[kind](node, x)
    if kind not in POTENTIALS:
        raise SnnfwError(f"'{name}' is a {kind}, which is not run here.")
    leaks, fires = POTENTIALS[kind]
    before = states.get(name, torch.zeros_like(x))
    drive = _tensor(node.r) * x
    after = before + ((_tensor(node.v_leak) - before + drive) / _tensor(node.tau) if leaks else drive)
    if not fires:
        states[name] = after
        return after
    fired = after > _tensor(node.v_threshold)
    states[name] = torch.where(fired, _tensor(node.v_reset), after)
    return fired.to(x.dtype)


def _tensor(value: Any) -> Tensor:
    return torch.as_tensor(value)


def _pairs(value: Any) -> list[int]:
    return [int(size) for size in value]


def _pass(node: Any, x: Tensor) -> Tensor:
    del node
    return x


def _convolve(node: Any, x: Tensor) -> Tensor:
    given = (_pairs(node.stride), _pairs(node.padding), _pairs(node.dilation), int(node.groups))
    return F.conv2d(x, _tensor(node.weight), _tensor(node.bias), *given)


CURRENTS: Mapping[str, Callable[[Any, Tensor], Tensor]] = {
    "Input": _pass,
    "Output": _pass,
    "Affine": lambda node, x: F.linear(x, _tensor(node.weight), _tensor(node.bias)),
    "Linear": lambda node, x: F.linear(x, _tensor(node.weight)),
    "Scale": lambda node, x: x * _tensor(node.scale),
    "Threshold": lambda node, x: (x > _tensor(node.threshold)).to(x.dtype),
    "Flatten": lambda node, x: x.flatten(int(node.start_dim) + 1, int(node.end_dim)),
    "AvgPool2d": lambda node, x: F.avg_pool2d(x, _pairs(node.kernel_size), _pairs(node.stride), _pairs(node.padding)),
    "Conv2d": _convolve,
}
"""Nodes without memory."""

POTENTIALS = {"I": (False, False), "LI": (True, False), "IF": (False, True), "LIF": (True, True)}
"""Nodes with a potential: whether they leak, and whether they fire."""
