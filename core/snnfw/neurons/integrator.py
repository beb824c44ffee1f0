"""The form of neurons that integrate, fire once at a threshold and reset, for which other formats have a word."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Integrator:
    """A neuron that fires at most once in a timestep, at a threshold that stays.

    u(t) = V(t-1) + x(t) + bias, with a time constant τ u(t) = V(t-1) + (x(t) + bias - V(t-1)) / τ; n(t) = 1[u(t) >= θ];
    s(t) = n(t) · height; V(t) = u(t) - s(t), or with the ``hard`` reset V(t) = u(t) · (1 - n(t)); V(0) = initial.
    """

    threshold: Tensor
    height: Tensor
    initial: Tensor
    bias: Tensor
    tau: float | None = None
    hard: bool = False
