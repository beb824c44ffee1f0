"""How far a spiking network's output is from the network's own: divergences of their logits, or the task's distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from snnfw.errors import SnnfwError
from snnfw.values import Judgement, Output

if TYPE_CHECKING:
    from torch import Tensor

Distance = Callable[[Output, Output], float]
"""Of a spiking network's output from the network's, in this order, averaged over samples."""


def distance_of(name: Literal["symmetric_kl", "kl", "task"], judgement: Judgement) -> Distance:
    """Return the distance of that name, or say which ones this task has."""
    logits, own = judgement.logits, judgement.distance
    if name == "task":
        if own is None:
            raise SnnfwError("this task has no distance of its own: choose distance=symmetric_kl or kl.")
        return lambda output, wanted: float(own(output, wanted).double().mean())
    if logits is None:
        rest = (
            "choose distance=task, which it has." if own else "it has no distance=task either, and can't be measured."
        )
        raise SnnfwError(f"this task has no logits, which distance={name} compares: {rest}")
    return lambda output, wanted: divergence(logits(wanted), logits(output), symmetric=name == "symmetric_kl")


def divergence(network: Tensor, spiking: Tensor, symmetric: bool) -> float:
    """Return KL(p‖q), or ½ (KL(p‖q) + KL(q‖p)), of logits [N, K, ...], averaged over samples and places.

    p is the softmax over K of the network's, q that of the spiking network's. Either is Σ w · (log p - log q), with
    the weights w = p, or w = (p - q) / 2.
    """
    log_p, log_q = network.double().log_softmax(1), spiking.double().log_softmax(1)
    weights = (log_p.exp() - log_q.exp()) / 2 if symmetric else log_p.exp()
    return float((weights * (log_p - log_q)).sum(1).mean())
