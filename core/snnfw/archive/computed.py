"""What is computed while a file is read: parameters of activations, and nothing large."""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx
from torch._subclasses import FakeTensorMode
from torch.utils import _pytree as pytree

from snnfw.capture.graph import evaluate
from snnfw.capture.sites import ACTIVATIONS, GATES, overload_packet
from snnfw.errors import SnnfwError

MOST = 2**22
"""Elements of a parameter: those of an activation are one for each channel, or for each of a sample's elements."""

ALTOGETHER = 2**24
"""Elements of all of them, since those that one activation is computed from are held at the same time."""


def require_small_parameters(module: fx.GraphModule) -> None:
    """Refuse activations whose parameters would take a lot of memory to compute; found out without taking any."""
    needed = _ancestors(module)
    values: dict[fx.Node, Any] = {}
    total = 0
    with FakeTensorMode(allow_non_fake_inputs=True):
        for node in module.graph.nodes:
            if node in needed and node.op == "call_function":
                values[node] = evaluate(module, node, lambda read: _value(module, values, read))
                for leaf in pytree.tree_leaves(values[node]):
                    if isinstance(leaf, Tensor) and leaf.numel() > MOST:
                        raise SnnfwError(f"a parameter of an activation has {leaf.numel()} elements")
                    total += leaf.numel() if isinstance(leaf, Tensor) else 0
                if total > ALTOGETHER:
                    raise SnnfwError(f"the parameters of its activations have more than {ALTOGETHER} elements")


def _value(module: fx.GraphModule, values: dict[fx.Node, Any], read: fx.Node) -> Any:
    if read.op == "placeholder":
        raise SnnfwError("a parameter of an activation depends on the input")
    return values[read] if read in values else evaluate(module, read, lambda node: _value(module, values, node))


def _ancestors(module: fx.GraphModule) -> set[fx.Node]:
    """Return what parameters of activations are computed from."""
    found: set[fx.Node] = set()
    for node in reversed(module.graph.nodes):
        activation = node.op == "call_function" and (
            overload_packet(node) in ACTIVATIONS or overload_packet(node) in GATES
        )
        if activation and node.args:
            first = node.args[0]
            found.update(read for read in node.all_input_nodes if read is not first)
        if node in found:
            found.update(node.all_input_nodes)
    return found
