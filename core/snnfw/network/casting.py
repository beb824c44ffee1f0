"""In which floating types a spiking network computes, and what has to fit into them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from snnfw.errors import SnnfwError
from snnfw.spiking.model import SpikingModel
from snnfw.spiking.precision import dtype_name, kind_of

PRECISIONS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def require_castable(model: SpikingModel, change: Callable[[Tensor], Tensor]) -> None:
    """Refuse a change of type in which weights or thresholds would be lost; ``change`` is what ``.to`` does to each.

    Half precision holds weights, currents and spikes; potentials, and what adds up over time, keep 32 bits.
    """
    kind = kind_of(model.graph, model.network, model.neurons.buffers())
    wanted = change(torch.zeros((), dtype=kind.dtype, device=kind.device)).dtype
    if wanted is kind.dtype:
        return
    if wanted not in PRECISIONS:
        names = ", ".join(dtype_name(dtype) for dtype in PRECISIONS)
        raise SnnfwError(f"a spiking network does not compute in {dtype_name(wanted)}: cast it to one of {names}.")
    for site, neuron in model.site_neurons():
        threshold = neuron.threshold.to(wanted)
        if bool((threshold == 0).any()):
            raise _lost(f"a threshold of '{site.name}' ({float(neuron.threshold.abs().min()):.3g}) becomes 0", wanted)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and bool((tensor.isfinite() & ~tensor.to(wanted).isfinite()).any()):
            raise _lost(f"'{name}' (up to {float(tensor.abs().max()):.3g}) becomes infinite", wanted)


def _lost(what: str, wanted: torch.dtype) -> SnnfwError:
    wider = " or bfloat16, which reaches as far as float32," if wanted is torch.float16 else ","
    return SnnfwError(f"{what} in {dtype_name(wanted)}: leave the network in float32{wider} instead.")
