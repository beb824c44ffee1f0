"""Operators of a planned graph as a program, for samples of which the number may be a symbol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from snnfw.capture.graph import evaluate, get_attribute
from snnfw.errors import SnnfwError
from snnfw.exports.slots import linear_size
from snnfw.planning.kinds import Kind
from snnfw.spiking.memory import to_channels_last
from snnfw.spiking.model import SpikingModel
from snnfw.spiking.reading import Flow, trace_flow

Values = dict[fx.Node, Any]


class Weights(nn.Module):
    """The constants that some operators read, with what a calibration added, and no others."""

    def __init__(self, model: SpikingModel, nodes: Iterable[fx.Node]) -> None:
        super().__init__()
        self.plain: dict[str, Any] = {}
        for node in nodes:
            value = _constant(model, node)
            if isinstance(value, Tensor):
                self.register_buffer(f"of_{node.name}", value.detach())
            else:
                self.plain[node.name] = value

    def __getitem__(self, node: fx.Node) -> Any:
        """Return the constant of a node."""
        return self.plain[node.name] if node.name in self.plain else getattr(self, f"of_{node.name}")


class Program(nn.Module):
    """Operators of a planned graph, evaluated one after the other for samples of which the number may be a symbol."""

    def __init__(self, model: SpikingModel, nodes: Sequence[fx.Node]) -> None:
        super().__init__()
        self.graph, self.flow = model.graph, trace_flow(model.graph, model.plan)
        self.operators = tuple(nodes)
        positions = [node for node in self.graph.nodes if node in self.flow.positions]
        read = {read for node in (*nodes, *positions) for read in node.all_input_nodes}
        fixed = fixed_nodes(self.flow)
        self.weights = Weights(model, [node for node in self.graph.nodes if node in fixed and node in read])
        self.fixed = fixed
        self.train(False)

    def placeholders(self, inputs: Sequence[Tensor]) -> Values:
        """Return the values of the network's arguments, in the layout that the model has them in."""
        return dict(zip(self.graph.inputs, map(to_channels_last, inputs), strict=True))

    def look_up(self, values: Values, samples: Any) -> Callable[[fx.Node], Any]:
        """Return the look-up of values, weights, sizes and positions."""

        def value_of(node: fx.Node) -> Any:
            if node in values:
                return values[node]
            if node in self.fixed:
                return self.weights[node]
            if node.name in self.graph.sizes:
                return linear_size(self.graph.sizes[node.name], samples, node.name)
            if node in self.flow.positions:
                return evaluate(self, node, value_of)
            if self.flow.varies(node) and self.flow.is_read_for_kind_alone(node):  # as new_zeros does
                return torch.empty(0, dtype=node.meta["val"].dtype, device=node.meta["val"].device)
            raise SnnfwError(f"'{node.name}' is read where it has no value: please report it to the authors of snnfw.")

        return value_of


def fixed_nodes(flow: Flow) -> frozenset[fx.Node]:
    """Return the nodes that hold the same tensor whatever the input: weights, and what is made of them alone."""
    fixed: set[fx.Node] = set()
    for node in flow.graph.nodes:
        made = flow.kinds[node] is Kind.STATIC and isinstance(node.meta.get("val"), Tensor)
        if flow.kinds[node] is Kind.CONSTANT or (
            made and node not in flow.positions and fixed.issuperset(node.all_input_nodes)
        ):
            fixed.add(node)
    return frozenset(fixed)


def _constant(model: SpikingModel, node: fx.Node) -> Any:
    if node.op == "get_attr":
        return model.deltas.with_change(node.name, get_attribute(model.network, str(node.target)))
    return evaluate(model.network, node, lambda read: _constant(model, read))
