"""Find what is made of the number of samples alone, such as their positions in the batch."""

from __future__ import annotations

from collections.abc import Mapping

from torch import fx

from snnfw.capture.graph import Graph
from snnfw.planning.kinds import Kind


def find_positions(graph: Graph, kinds: Mapping[fx.Node, Kind]) -> frozenset[fx.Node]:
    """Return the static operators that hold something for each sample and yet read no sample.

    They are made again for the samples at hand, T · N of them in a stream: positions repeated would be wrong ones.
    """
    made: set[fx.Node] = set()
    for node in graph.nodes:
        read = [source for source in node.all_input_nodes if kinds[source] is not Kind.SIZE]
        if kinds[node] is Kind.STATIC and all(kinds[source] is Kind.CONSTANT or source in made for source in read):
            made.add(node)
    return frozenset(node for node in made if graph.where[node.name] is not None)
