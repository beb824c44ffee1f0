"""A graph of NIR as it grows, operator by operator."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, fx

from snnfw.capture.graph import get_attribute
from snnfw.spiking.model import SpikingModel


class Growing:
    """A graph of NIR as it grows; ``sources`` are the nodes whose sum an operator's result is."""

    def __init__(self, model: SpikingModel) -> None:
        self.model = model
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.sources: dict[fx.Node, tuple[str, ...]] = {}

    def add(self, name: str, node: Any, *sources: str) -> str:
        """Add a node that reads the sum of others."""
        self.nodes[name] = node
        self.edges.extend((source, name) for source in sources)
        return name

    def constant(self, node: fx.Node | None) -> Tensor | None:
        """Return a weight, with what a calibration added; None where there is none."""
        if node is None:
            return None
        value = get_attribute(self.model.network, str(node.target))
        return cast("Tensor", self.model.deltas.with_change(node.name, value)).detach()


def shape_of(node: Any) -> tuple[int, ...]:
    """Return the shape of one sample of an operator's result."""
    return tuple(int(size) for size in node.meta["val"].shape[1:])


def array(tensor: Tensor) -> Any:
    """Return a tensor as NIR holds it."""
    return tensor.detach().cpu().numpy()
