"""Look at a network's weights and try it on two samples before anything else, and tell what does not fit."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

# A convolution of any dimension; torch has no public name for what they share.
from torch.nn.modules.conv import _ConvNd

from snnfw import SnnfwError
from snnfw.simulate import require_logits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from snnfw import Output


def require_fit(
    module: nn.Module,
    example: Tensor,
    classes: int,
    model: str,
    data: str,
    logits: Callable[[Output], Tensor] = require_logits,
    cure: str = "",
) -> None:
    """Raise an SnnfwError unless the network turns the samples [N, C, H, W] into one output per class.

    ``logits`` takes them, [N, K, ...], out of what the network returns. ``cure`` says how other channels are had.
    """
    misfit = f"model '{model}' does not fit data '{data}'"
    shape = list(example.shape[1:])
    try:
        with torch.no_grad(), _watch_channels(module, misfit, shape, cure):
            output = module(example.clone())  # a network may write to its input
    except SnnfwError:
        raise
    except Exception as error:  # a stranger's network may raise anything
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise SnnfwError(f"{misfit}: it fails on samples of shape {shape}: {reason}.{cure}") from error
    outputs = logits(output).shape[1]
    if outputs != classes:
        raise SnnfwError(
            f"{misfit}: it has {outputs} outputs and the data {classes} classes; "
            "choose weights that were trained on these classes."
        )


@contextmanager
def _watch_channels(module: nn.Module, misfit: str, shape: list[int], cure: str) -> Iterator[None]:
    """Stop at the first convolution that gets another number of channels than it expects."""
    names = {layer: name for name, layer in module.named_modules() if isinstance(layer, _ConvNd)}

    def refuse(layer: _ConvNd, inputs: tuple[Tensor, ...]) -> None:
        given = inputs[0].shape[-1 - len(layer.kernel_size)]
        if given != layer.in_channels:
            raise SnnfwError(
                f"{misfit}: layer '{names[layer]}' expects {layer.in_channels} channels and gets {given} "
                f"from samples of shape {shape}.{cure}"
            )

    watches = [layer.register_forward_pre_hook(refuse) for layer in names]
    try:
        yield
    finally:
        for watch in watches:
            watch.remove()


def require_finite(module: nn.Module, model: str) -> None:
    """Raise an SnnfwError that names the first parameter with NaN or infinity, or the first buffer with NaN.

    A buffer may hold infinity on purpose: attention masks do.
    """
    for key, parameter in module.named_parameters():
        if not parameter.isfinite().all():
            raise SnnfwError(f"parameter '{key}' of model '{model}' holds NaN or infinity: use other weights.")
    for key, buffer in module.named_buffers():
        if buffer.isnan().any():
            raise SnnfwError(f"buffer '{key}' of model '{model}' holds NaN: use other weights.")
