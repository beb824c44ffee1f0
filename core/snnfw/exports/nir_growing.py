"""A graph of NIR as it grows, operator by operator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from torch import Tensor, fx

from snnfw.capture.graph import get_attribute
from snnfw.spiking.model import SpikingModel


@dataclass(slots=True)
class Growing:
    """A graph of NIR as it grows; ``sources`` are the nodes whose sum an operator's result is."""

    model: SpikingModel
    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    sources: dict[fx.Node, tuple[str, ...]] = field(default_factory=dict)

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
