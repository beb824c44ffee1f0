"""Say which values of a planned graph are streams, which of them are read out, and which constants they need."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import fx

from snnfw.capture.graph import Graph
from snnfw.capture.operators import SHAPES_ONLY
from snnfw.capture.sites import overload_packet
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Plan
from snnfw.planning.positions import find_positions

STREAMS = (Kind.SPIKING, Kind.LINEAR, Kind.MAXIMUM, Kind.PRODUCT, Kind.ANALOG)
"""Kinds of operators whose value differs from timestep to timestep."""

CUMULATIVE = (Kind.MAXIMUM, Kind.PRODUCT, Kind.ANALOG)
"""Kinds of operators that are made exact over time by what has come so far."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How values flow through a planned graph: every node's kind, and who reads what.

    ``positions`` are made of the number of samples alone; ``temporal`` says that the input varies in time.
    """

    graph: Graph
    kinds: Mapping[fx.Node, Kind]
    positions: Collection[fx.Node]
    temporal: bool

    def nodes_of(self, *kinds: Kind) -> list[fx.Node]:
        """Return the nodes of some kinds, in the order of execution."""
        return [node for node in self.graph.nodes if self.kinds[node] in kinds]

    def varies(self, node: fx.Node) -> bool:
        """Tell whether a node has another value at each timestep, before the readout."""
        return self.kinds[node] in STREAMS or (self.temporal and self.kinds[node] is Kind.INPUT)

    def streams_read(self, node: fx.Node) -> list[fx.Node]:
        """Return the streams that a node reads, each once."""
        return [read for read in dict.fromkeys(node.all_input_nodes) if self.varies(read)]

    def streams_read_out(self) -> list[fx.Node]:
        """Return the streams that the readout, or the output itself, reads."""
        ends = (Kind.READOUT, Kind.OUTPUT)
        frames = self.graph.inputs if self.temporal else ()
        streams = (*frames, *self.nodes_of(*STREAMS))
        return [node for node in streams if any(self.kinds[user] in ends for user in node.users)]

    def constants_read_later(self) -> set[fx.Node]:
        """Return the constants that streams and readout read."""
        later = {Kind.READOUT, Kind.OUTPUT, *STREAMS}
        reading = [node for node in self.graph.nodes if self.kinds[node] in later or node in self.positions]
        return {read for node in reading for read in node.all_input_nodes}

    def is_read_for_kind_alone(self, node: fx.Node) -> bool:
        """Tell whether the static operators that read a stream ask for its type and size alone."""
        static = [user for user in node.users if self.kinds[user] is Kind.STATIC]
        return bool(static) and all(overload_packet(user) in SHAPES_ONLY for user in static)


def trace_flow(graph: Graph, plan: Plan) -> Flow:
    """Return how values flow through a graph under a plan."""
    kinds = {node: plan.fates[node.name].kind for node in graph.nodes}
    return Flow(graph, kinds, find_positions(graph, kinds), plan.temporal)
