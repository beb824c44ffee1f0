"""Decide when gradients flow through a model, and whether its neurons let them through."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import torch
from spikingjelly.activation_based.base import MemoryModule
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from snnfw.errors import SnnfwError
from snnfw.kernels.multistep import compute_dtype
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.values import Inputs, Site

Method = TypeVar("Method", bound=Callable[..., Any])

PROBES = (-1.5, -0.25, 0.25, 0.5, 0.75, 1.0, 1.5, 3.0)
"""Input currents, in thresholds, at one of which at least a surrogate has a slope."""


def differentiable_where_asked(method: Method) -> Method:
    """Let gradients through a method of a model in training mode, or of inputs that ask for them, never otherwise."""

    @functools.wraps(method)
    def run(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        with torch.set_grad_enabled(torch.is_grad_enabled() and (self.training or bool(self.follows_inputs))):
            return method(self, *args, **kwargs)

    return cast("Method", run)


def follow_inputs(inputs: Inputs, neurons: Iterable[tuple[Site, SpikingNeuron]]) -> bool:
    """Tell whether somebody wants the gradient of an input, and refuse neurons whose slope is zero everywhere."""
    if not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)):
        return False
    for site, neuron in neurons:
        if not has_surrogate(neuron):
            raise SnnfwError(
                f"the input asks for a gradient, and the {type(neuron).__name__} at '{site.name}' has none: what it "
                "fires is a step function without a surrogate. Place a neuron with a surrogate gradient at every "
                "site, or give x.detach()."
            )
    return True


def has_surrogate(neuron: SpikingNeuron) -> bool:
    """Tell whether a gradient comes through a neuron at any of ``PROBES``, in two timesteps from a fresh state."""
    threshold = neuron.threshold.detach()
    unit = threshold + 0 * (neuron.initial + neuron.offset).detach()
    unit = unit.to(compute_dtype(unit.dtype))
    with torch.inference_mode(False), torch.enable_grad():
        return any(_slope(neuron, unit * share) for share in PROBES)


def _slope(neuron: SpikingNeuron, current: Tensor) -> bool:
    drive = current.clone().requires_grad_()
    first, states = neuron.step(drive, neuron.begin(drive))
    second, _ = neuron.step(drive, states)
    total = (first + second).sum()
    if not total.requires_grad:
        return False
    (gradient,) = torch.autograd.grad(total, drive, allow_unused=True)
    return gradient is not None and bool(gradient.any())


def detach_memories(model: nn.Module) -> None:
    """Let every state of a model go of what it was computed from."""
    for module in model.modules():
        if isinstance(module, MemoryModule):
            for name, value in list(module.named_memories()):
                setattr(module, name, detached(value))


def detached(value: Any) -> Any:
    """Return a tree of tensors without what they were computed from."""
    return pytree.tree_map(lambda leaf: leaf.detach() if isinstance(leaf, Tensor) else leaf, value)
