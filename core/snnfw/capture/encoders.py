"""Offer an encoder on every stream that a product reads: an identity, at which a recipe may place a neuron."""

from __future__ import annotations

import operator as python
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, fx

from snnfw.capture import operators as table
from snnfw.capture.sites import ACTIVATIONS, aten, overload_packet
from snnfw.capture.survey import Survey


def offer_encoders(module: fx.GraphModule, surveyed: Survey) -> None:
    """Put an identity behind every stream that a product reads, one for all products that read it.

    It sits on the stream before it is moved about (reshaped, split, joined with others), where it has the fewest
    elements and serves every reader, and only products read what is behind it. What an activation puts out needs none.
    Until a rule places a neuron there, an identity is one more name for the same memory.
    """
    _erase_identities(module)
    offer = _Offer(module, surveyed)
    for node in list(module.graph.nodes):
        if overload_packet(node) in table.PRODUCTS:
            for read in dict.fromkeys(table.operands(node)):
                offer.encode(node, read, node)
    module.graph.lint()
    module.recompile()


def _erase_identities(module: fx.GraphModule) -> None:
    """Leave out what an export has of them, so that every identity of a graph is an encoder."""
    for node in list(module.graph.nodes):
        if overload_packet(node) is aten.alias:
            source = node.args[0]
            node.replace_all_uses_with(source)
            module.graph.erase_node(node)


@dataclass(slots=True)
class _Offer:
    """The identities made so far, by the stream that they are behind, and the moves that were followed."""

    module: fx.GraphModule
    surveyed: Survey
    made: dict[fx.Node, fx.Node] = field(default_factory=dict)
    followed: set[tuple[fx.Node, fx.Node]] = field(default_factory=set)

    def encode(self, reader: fx.Node, read: fx.Node, product: fx.Node) -> None:
        """Let a reader read a stream, or those that it is moved from, behind an identity."""
        if (reader, read) in self.followed or overload_packet(read) is aten.alias:
            return
        self.followed.add((reader, read))
        if moves(read):
            for source in table.moved_values(read):
                self.encode(read, source, product)
        elif self._is_stream(read):
            reader.replace_input_with(read, self._identity(read, product))

    def _is_stream(self, node: fx.Node) -> bool:
        value = node.meta.get("val")
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return False
        return self.surveyed.where.get(node.name) is not None and overload_packet(node) not in ACTIVATIONS

    def _identity(self, source: fx.Node, product: fx.Node) -> fx.Node:
        """Return the identity behind a stream, which stands in the module of the first product that reads it."""
        if source not in self.made:
            with self.module.graph.inserting_after(source):
                made = self.module.graph.call_function(aten.alias.default, (source,))
            made.meta = {"val": source.meta["val"], "nn_module_stack": product.meta.get("nn_module_stack")}
            self.made[source] = made
            known: tuple[Mapping[str, object], ...] = (
                self.surveyed.where,
                self.surveyed.elements,
                self.surveyed.shapes,
            )
            for facts in known:
                facts[made.name] = facts[source.name]  # type: ignore[index]  # dictionaries of different values
        return self.made[source]


def moves(node: fx.Node) -> bool:
    """Tell whether a node carries along what it reads, and adds nothing: what is in front of it can be encoded."""
    if overload_packet(node) is python.getitem:
        source = node.args[0]
        return isinstance(source, fx.Node) and moves(source)
    return overload_packet(node) in table.MOVES and not table.adds_constant(node)
