"""Give what was captured memory of its own, so that nobody else's changes reach it."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, fx, nn

from snnfw.capture.graph import get_attribute


@torch.no_grad()
def disown(module: fx.GraphModule, model: nn.Module) -> None:
    """Copy the tensors of a graph that are still the network's own: what folding made anew is not copied again."""
    theirs = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    copies: dict[int, Any] = {}
    for name in _constants(module):
        value = get_attribute(module, name)
        if isinstance(value, Tensor) and value.untyped_storage().data_ptr() in theirs:
            put_attribute(module, name, copies.setdefault(id(value), _copy(value)))


@torch.no_grad()
def constants_of(module: fx.GraphModule) -> nn.Module:
    """Return a module that holds copies of what a graph reads, at the same dotted paths; what is tied stays tied."""
    holder, copies = nn.Module(), {}
    for name in _constants(module):
        value = get_attribute(module, name)
        if id(value) not in copies:
            copies[id(value)] = _copy(value)
        put_attribute(holder, name, copies[id(value)])
    return holder


def _constants(module: fx.GraphModule) -> list[str]:
    return list(dict.fromkeys(str(node.target) for node in module.graph.nodes if node.op == "get_attr"))


def _copy(value: Any) -> Any:
    if isinstance(value, nn.Parameter):
        return nn.Parameter(value.detach().clone(), value.requires_grad)
    return value.detach().clone() if isinstance(value, Tensor) else copy.deepcopy(value)


def put_attribute(module: nn.Module, name: str, value: Any) -> None:
    """Set what is at a dotted path, a tensor as a buffer unless it is a parameter."""
    owner = module
    *path, leaf = name.split(".")
    for part in path:
        if part not in owner._modules:
            owner.add_module(part, nn.Module())
        owner = owner.get_submodule(part)
    if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
        vars(owner).pop(leaf, None)
        owner._parameters.pop(leaf, None)
        owner._buffers.pop(leaf, None)
        owner.register_buffer(leaf, value)
    else:
        setattr(owner, leaf, value)
