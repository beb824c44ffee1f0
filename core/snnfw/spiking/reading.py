"""Say which values of a planned graph are streams, which of them are read out, and which constants they need."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import fx

from snnfw.capture.graph import Graph
from snnfw.capture.sites import overload_packet
from snnfw.plan.kinds import Kind
from snnfw.plan.operators import SHAPES_ONLY

STREAMS = (Kind.SPIKING, Kind.LINEAR, Kind.MAXIMUM, Kind.ANALOG)


def constants_read_later(graph: Graph, kinds: Mapping[fx.Node, Kind], positions: Collection[fx.Node]) -> set[fx.Node]:
    """Return the constants that streams and readout read."""
    later = {Kind.READOUT, Kind.OUTPUT, *STREAMS}
    reading = [node for node in graph.nodes if kinds[node] in later or node in positions]
    return {read for node in reading for read in node.all_input_nodes}


def readout_streams(graph: Graph, kinds: Mapping[fx.Node, Kind], temporal: bool) -> list[fx.Node]:
    """Return the streams that the readout, or the output itself, reads."""
    ends = (Kind.READOUT, Kind.OUTPUT)
    frames = graph.inputs if temporal else ()
    streams = [node for node in graph.nodes if kinds[node] in STREAMS]
    return [node for node in (*frames, *streams) if any(kinds[user] in ends for user in node.users)]


def is_read_for_kind_alone(node: fx.Node, kinds: Mapping[fx.Node, Kind]) -> bool:
    """Tell whether the static operators that read a stream ask for its type and size alone."""
    static = [user for user in node.users if kinds[user] is Kind.STATIC]
    return bool(static) and all(overload_packet(user) in SHAPES_ONLY for user in static)
