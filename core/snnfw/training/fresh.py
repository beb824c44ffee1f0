"""Initialise a network anew."""

from __future__ import annotations

import torch
from torch import nn

from snnfw.errors import SnnfwError


@torch.no_grad()
def initialise(model: nn.Module, seed: int) -> None:
    """Draw every parameter that may change anew, as the modules themselves initialise them, and reset all estimates.

    Convolutions get Kaiming's normal distribution by their outputs, which keeps the variance of deep networks (He et
    al., "Delving Deep into Rectifiers", ICCV 2015); the global generator stays as it is. What the network froze
    (``requires_grad_(False)``) stays too, with the estimates of a batch norm that is frozen.

    Raises:
        SnnfwError: a module with parameters of its own does not know how to initialise them.

    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, module in model.named_modules():
            own = list(module.parameters(recurse=False))
            frozen = [(parameter, parameter.clone()) for parameter in own if not parameter.requires_grad]
            if not own or len(frozen) < len(own):
                _reset(module, name, bool(own))
            for parameter, value in frozen:
                parameter.copy_(value)


def _reset(module: nn.Module, name: str, has_parameters: bool) -> None:
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()
    elif has_parameters:
        raise SnnfwError(
            f"the module '{name}' ({type(module).__name__}) has parameters and no reset_parameters(), so it "
            "cannot be initialised anew: give it one, or say trainer.start=given."
        )
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
