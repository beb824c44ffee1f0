"""Tell which encoders a plan needs: those that turn a current into events for a product that can accumulate them."""

from __future__ import annotations

from collections.abc import Mapping, Set

from torch import fx

from snnfw.capture import operators as table
from snnfw.capture.encoders import moves
from snnfw.capture.sites import overload_packet
from snnfw.planning.kinds import varying_operands
from snnfw.values import DELTA


def is_needed(
    node: fx.Node,
    varying: Set[fx.Node],
    events: Set[fx.Node],
    silent: Set[fx.Node],
    coding: str,
    macs: Mapping[str, int],
) -> bool:
    """Tell whether a neuron at an identity would make events of a current that a product multiplies.

    Products with weights accumulate events in either coding, products of two streams in delta coding alone. What is
    made of events already needs no encoder. What does not vary in time runs once, and is encoded only where every
    product that reads it reads it joined with a stream.
    """
    source = node.args[0]
    if source in events or source in silent:
        return False
    products = products_behind(node)
    if source not in varying and not all(product in varying for product in products):
        return False
    return any(_gains(product, varying, coding, macs) for product in products)


def products_behind(node: fx.Node) -> list[fx.Node]:
    """Return the products that read a stream, also where it is moved on the way, each once."""
    found, seen, left = [], {node}, [node]
    while left:
        for user in left.pop().users:
            if user in seen:
                continue
            seen.add(user)
            if overload_packet(user) in table.PRODUCTS:
                found.append(user)
            elif moves(user):
                left.append(user)
    return found


def _gains(product: fx.Node, varying: Set[fx.Node], coding: str, macs: Mapping[str, int]) -> bool:
    if varying_operands(product, varying) == 1:
        return macs.get(product.name, 0) > 0
    return coding == DELTA
