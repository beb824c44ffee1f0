"""Capture: the network as a graph of operator calls; what is known of it before any method is chosen comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.capture.export import capture
    from snnfw.capture.graph import BatchDim, Graph, Where, evaluate, get_attribute, last_uses, map_leaves, split_batch
    from snnfw.capture.operators import AVERAGES, MAXIMA, is_scaling
    from snnfw.capture.sites import aten, overload_packet
    from snnfw.capture.survey import operator_name

__all__ = [
    "AVERAGES",
    "MAXIMA",
    "BatchDim",
    "Graph",
    "Where",
    "aten",
    "capture",
    "evaluate",
    "get_attribute",
    "is_scaling",
    "last_uses",
    "map_leaves",
    "operator_name",
    "overload_packet",
    "split_batch",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "export": "capture",
        "graph": "BatchDim Graph Where get_attribute evaluate last_uses map_leaves split_batch",
        "operators": "AVERAGES MAXIMA is_scaling",
        "sites": "aten overload_packet",
        "survey": "operator_name",
    },
)
