"""Follow a model to another device or precision: what a graph names is what it was captured with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor, fx, nn

from snnfw.capture.graph import Graph, find_attribute


@dataclass(frozen=True, slots=True)
class Kind:
    """Where a network computes, and in which floating type."""

    device: torch.device
    dtype: torch.dtype


@dataclass(frozen=True, slots=True)
class Moved:
    """What a graph was captured with and what its model computes with now, for operators that name either.

    Only what a graph names of its own kind is replaced: a network that puts something elsewhere goes on doing so.
    """

    before: Kind
    now: Kind

    def __call__(self, node: fx.Node, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Return an operator's arguments as they are to be now; what makes numbers of the usual type says so."""
        named = {name: self.follow(value) for name, value in kwargs.items()}
        made = node.meta.get("val")
        if "device" in kwargs and kwargs.get("dtype") is None and getattr(made, "dtype", None) is self.before.dtype:
            named["dtype"] = self.now.dtype
        return tuple(map(self.follow, args)), named

    def follow(self, argument: Any) -> Any:
        """Return a device or a type as it is to be now, and anything else as it is."""
        if isinstance(argument, torch.device) and argument.type == self.before.device.type:
            return self.now.device
        if isinstance(argument, torch.dtype) and argument is self.before.dtype:
            return self.now.dtype
        return argument

    @property
    def in_place_alone(self) -> Moved:
        """Return the same for counts, which stay in the precision that they have."""
        return replace(self, now=replace(self.now, dtype=self.before.dtype))


def moved(graph: Graph, network: nn.Module, others: Iterable[Tensor]) -> Moved | None:
    """Return how a model has moved since its graph was captured; None where it is where it was.

    ``network`` holds the model's constants, at the graph's names; ``others`` tell where it has none.
    """
    pairs = ((find_attribute(graph.module, name), ours) for name, ours in _floating(network))
    both = next(((theirs, ours) for theirs, ours in pairs if theirs is not None), None)
    if both is not None:
        before, now = map(_kind, both)
    else:
        like = next((node.meta["val"] for node in graph.inputs if node.meta["val"].is_floating_point()), None)
        here = next((tensor for tensor in others if tensor.is_floating_point()), None)
        if like is None or here is None:
            return None
        before, now = _kind(like), _kind(here)
    return None if before == now else Moved(before, now)


def empty_of_kind(like: Tensor, moved: Moved | None) -> Tensor:
    """Return an empty tensor of the kind that a captured value has by now."""
    if moved is None:
        return torch.empty(0, dtype=like.dtype, device=like.device)
    return torch.empty(0, dtype=moved.follow(like.dtype), device=moved.follow(like.device))


def kind_of(graph: Graph, network: nn.Module, others: Iterable[Tensor]) -> Kind:
    """Return where a model computes, and in which floating type."""
    floating = chain((tensor for _, tensor in _floating(network)), others)
    like = next(floating, graph.inputs[0].meta["val"])
    return _kind(like)


def _floating(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield a module's weights and buffers that hold fractions, one by one: a run asks for the first alone."""
    named = chain(module.named_parameters(), module.named_buffers())
    return ((name, tensor) for name, tensor in named if tensor.is_floating_point())


def _kind(tensor: Tensor) -> Kind:
    return Kind(tensor.device, tensor.dtype)


def accumulator(dtype: torch.dtype) -> torch.dtype:
    """Return the type in which values of a type are added up over time: half precision in 32 bits."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name of a type without ``torch.`` before it."""
    return str(dtype).removeprefix("torch.")
