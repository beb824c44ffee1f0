"""Hold the data against what a network's batch norms remember of their training, and look for what would fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from snnfw.conversion.activations import like_weights
from snnfw.diagnosis.findings import Normalisation, Scale
from snnfw.values import Inputs

FAR = 1.0
"""Standard deviations by which the channels' means may differ from the training's, as a root of the mean square."""

WIDE = 2.5
"""Times by which the channels' spread may be larger or smaller than the training's."""

FEWEST = 16
"""Values of a channel that tell its mean and spread: those of fewer are off by luck."""

KNOWN = {
    "of ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "of CIFAR-10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "to [-1, 1]": ((0.5,), (0.5,)),
}
"""Normalisations that published weights were trained with, (x - mean) / std of x in [0, 1]."""

Change = Callable[[Tensor], Tensor]


@torch.no_grad()
def check_normalisation(network: nn.Module, inputs: Inputs) -> Normalisation | None:
    """Return what does not fit, with the normalisation that would; None where the data fits, or nothing remembers.

    ``inputs`` are what the network itself takes, [N, ...].
    """
    inputs = like_weights(inputs, network)
    found = scales(network, inputs)
    if not found or fits(found[0]):
        return None
    images = inputs[0]
    if not images.is_floating_point() or images.dim() < 3:
        return Normalisation(found[0])

    def nearest(changes: Iterable[tuple[str, Change]]) -> tuple[float, str, Scale]:
        tried = ((words, scales(network, (change(images), *inputs[1:]))) for words, change in changes)
        return min((_distance(then), words, then[0]) for words, then in tried)

    known, own = nearest(known_changes(images)), nearest([_own_change(images)])
    _, words, then = own if own[0] < known[0] / 2 else known  # a published one is what weights rather know
    return Normalisation(found[0], words, then) if fits(then) else Normalisation(found[0])


def fits(scale: Scale) -> bool:
    """Tell whether a batch norm's inputs are about as wide, and about where, they were in training."""
    return scale.shift <= FAR and 1 / WIDE <= scale.width <= WIDE


def scales(network: nn.Module, inputs: Inputs) -> list[Scale]:
    """Return how the inputs of each batch norm compare with those of its training, in the order of execution.

    Those that read fewer than ``FEWEST`` values of a channel are left out.
    """
    found: list[Scale] = []

    def compare(name: str, norm: Any, given: tuple[Tensor, ...]) -> None:
        rows = given[0].detach().double().movedim(1, 0).flatten(1)
        if rows.shape[1] < FEWEST:
            return
        spread = (norm.running_var.double() + norm.eps).sqrt()
        shift = ((rows.mean(1) - norm.running_mean.double()) / spread).square().mean().sqrt()
        width = (rows.std(1, correction=0).clamp_min(1e-12) / spread).log().mean().exp()
        found.append(Scale(name, float(shift), float(width)))

    with _watching(network, compare):
        network(*inputs)
    return found


def known_changes(images: Tensor) -> Iterator[tuple[str, Change]]:
    """Yield normalisations on top of the one at hand, in words: those of published weights, there and back."""
    channels = images.shape[1]
    yield "divide the inputs by 255", lambda x: x / 255
    yield "multiply the inputs by 255", lambda x: x * 255
    for name, (mean, std) in KNOWN.items():
        if len(mean) not in (1, channels):
            continue
        there, back = partial(_normalise, mean=mean, std=std), partial(_restore, mean=mean, std=std)
        said = f"data.mean={_written(mean)} data.std={_written(std)}"
        yield f"normalise the inputs {name}, {said}", there
        yield (
            f"divide the inputs by 255 and normalise them {name}, {said}",
            partial(_normalise, mean=mean, std=std, top=255.0),
        )
        yield f"leave the normalisation {name} out, {said}", back


def _own_change(images: Tensor) -> tuple[str, Change]:
    """Return the normalisation by the images' own statistics."""
    dims = [0, *range(2, images.dim())]
    means, stds = images.mean(dims).tolist(), images.std(dims).clamp_min(1e-6).tolist()
    said = f"data.mean={_written(means)} data.std={_written(stds)}"
    return f"normalise each channel by its own mean and spread, {said}", partial(_normalise, mean=means, std=stds)


def _remembers(norm: _BatchNorm) -> bool:
    """Tell whether a batch norm has seen a training: its statistics are not those that it began with."""
    mean, var = norm.running_mean, norm.running_var
    return mean is not None and var is not None and bool((mean != 0).any() or (var != 1).any())


def _normalise(images: Tensor, mean: Sequence[float], std: Sequence[float], top: float = 1.0) -> Tensor:
    return (images / top - _channels(images, mean)) / _channels(images, std)


def _restore(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    return images * _channels(images, std) + _channels(images, mean)


def _channels(images: Tensor, values: Sequence[float]) -> Tensor:
    return images.new_tensor(list(values)).view(1, -1, *[1] * (images.dim() - 2))


def _written(values: Sequence[float]) -> str:
    return f"[{','.join(f'{value:.4g}' for value in values)}]"


def _distance(found: Sequence[Scale]) -> float:
    """Return how far all batch norms are from their training: as a shift, and as a factor either way."""
    return sum(scale.shift + abs(math.log(max(scale.width, 1e-30))) for scale in found)


@contextmanager
def _watching(network: nn.Module, compare: Callable[[str, Any, tuple[Tensor, ...]], None]) -> Iterator[None]:
    """Show every batch norm that remembers its training, and what it reads, while the network runs as evaluated."""
    norms = [(name, norm) for name, norm in network.named_modules() if isinstance(norm, _BatchNorm)]
    hooks = [
        norm.register_forward_pre_hook(lambda norm, given, name=name: compare(name, norm, given))
        for name, norm in norms
        if _remembers(norm)
    ]
    before = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in before.items():
            module.training = mode
