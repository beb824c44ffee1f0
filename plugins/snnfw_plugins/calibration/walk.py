"""Evaluate a captured graph node by node: the network itself, or the mean over time of its spiking version."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor, fx

from snnfw import Inputs
from snnfw.capture import Graph, evaluate, last_uses
from snnfw.spiking import to_channels_last


class Walk:
    """Hold the values of a graph's nodes, evaluated in order; those of ``given`` are set from outside.

    With the neurons' mean outputs given, the values are the means of the spiking network's streams: linear operators
    commute with the mean over time, and what a maximum or analog operator has emitted after T timesteps is T times its
    value for the mean. ``deltas`` are added to values by name, as the spiking network adds them.
    """

    def __init__(
        self, graph: Graph, inputs: Inputs, deltas: Mapping[str, Tensor] | None = None, given: Collection[str] = ()
    ) -> None:
        self.graph, self.deltas, self.given, self.samples = graph, deltas or {}, given, len(inputs[0])
        self.values: dict[fx.Node, Any] = {
            node: to_channels_last(x) for node, x in zip(graph.inputs, inputs, strict=True)
        }
        self._waiting = deque(node for node in graph.nodes if node.op not in ("placeholder", "output"))
        uses = last_uses(graph.nodes)
        self._uses = deque((node, uses[node]) for node in graph.nodes)

    def value(self, wanted: fx.Node) -> Any:
        """Return the value of a node, evaluating what comes before it."""
        while wanted not in self.values:
            node = self._waiting.popleft()
            if node.name in self.graph.sizes:
                self.values[node] = self.graph.sizes[node.name](self.samples)
            elif node.name not in self.given:
                value = evaluate(self.graph.module, node, self.values.__getitem__)
                self.values[node] = value + self.deltas[node.name] if node.name in self.deltas else value
        return self.values[wanted]

    def forget_before(self, reached: fx.Node) -> None:
        """Let go of the values that nobody reads from this node on."""
        while self._uses and self._uses[0][0] is not reached:
            for done in self._uses.popleft()[1]:
                self.values.pop(done, None)
