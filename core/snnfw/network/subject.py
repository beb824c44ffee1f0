"""What a network must be before it can be converted, and what a plan must do to it."""

from __future__ import annotations

import torch
from spikingjelly.activation_based.base import MemoryModule
from torch import nn

from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.planning.placement import Plan
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep

PRECISIONS = (torch.float32, torch.float64)


def require_network(net: object, device: str | None) -> None:
    """Refuse what is no trained network that computes in one place and in one of ``PRECISIONS``."""
    if not isinstance(net, nn.Module):
        raise wrong_kind_error("what to convert", net, "a torch.nn.Module")
    spiking = next((name for name, part in net.named_modules() if isinstance(part, SpikingModel | MemoryModule)), None)
    if spiking is not None:
        raise SnnfwError(
            f"the network is spiking already{f' (at {spiking!r})' if spiking else ''}: convert the one it was made of."
        )
    if net.training:
        raise SnnfwError("the network is in training mode: call its eval() before it is converted.")
    tensors = [*net.parameters(), *net.buffers()]
    wrong = sorted({str(t.dtype) for t in tensors if t.is_floating_point() and t.dtype not in PRECISIONS})
    if wrong:
        raise SnnfwError(
            f"the network computes in {', '.join(wrong)}: call its float() before it is converted. The spiking network "
            "can be cast afterwards."
        )
    places = sorted({str(tensor.device) for tensor in tensors})
    if len(places) > 1:
        raise SnnfwError(f"the network lies on {' and '.join(places)}: move all of it to one device.")
    if device is not None and places and torch.device(device) != torch.device(places[0]) and not _same(device, places):
        raise SnnfwError(
            f"device={device} is asked for and the network is on {places[0]}: move it there first, net.to('{device}')."
        )


def require_neurons(placed: Plan) -> None:
    """Refuse a plan without a neuron: what it makes of a network is the network."""
    if all(isinstance(placement.neuron, Keep) for placement in placed.placements):
        there = ", ".join(sorted({p.site.activation for p in placed.placements}))
        kept = f"every activation ({there}) is kept analog by a rule" if there else "the network has no activation"
        raise SnnfwError(f"no neuron was placed: {kept}. Place one with method=... or layers=[...].")


def device_of(net: nn.Module) -> str:
    """Return where a network is; the CPU where it has no tensors."""
    return str(next(iter([*net.parameters(), *net.buffers()]), torch.empty(0)).device)


def _same(device: str, places: list[str]) -> bool:
    """Tell whether ``cuda`` means the device that the network is on."""
    return device == "cuda" and places[0].startswith("cuda") and places[0] == f"cuda:{torch.cuda.current_device()}"
