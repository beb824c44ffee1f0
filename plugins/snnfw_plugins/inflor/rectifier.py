"""The membrane potential rectifier: the function that pulls potentials towards the spike that they become."""

from __future__ import annotations

import math

import torch
from torch import Tensor

STEEPNESS = 3.0
"""What the hyperbolic tangent's argument is multiplied by between 0 and 1."""


def rectify(potential: Tensor) -> Tensor:
    """Return φ(u), closer to 0 below 1/2 and closer to 1 from there on than u itself; finite with its gradient.

    φ(u) = 1 - (1 - u)^(1/3) for u < 0, (tanh(3 (u - 1/2)) / tanh(3/2) + 1) / 2 for 0 <= u <= 1, u^(1/3) for u > 1.
    InfLoR, section 3.2, with the constants of the authors' code.
    """
    low, high = potential < 0, potential > 1
    # Every branch is computed everywhere, so each gets only what is its own: NaN times zero would be NaN.
    below = 1 - (1 - torch.where(low, potential, 0.0)).pow(1 / 3)
    above = torch.where(high, potential, 1.0).pow(1 / 3)
    centred = torch.where(low | high, 0.0, potential - 0.5)
    inside = torch.tanh(STEEPNESS * centred) / (2 * math.tanh(STEEPNESS / 2)) + 0.5
    return torch.where(low, below, torch.where(high, above, inside))


def slope(potential: Tensor) -> Tensor:
    """Return φ'(u) between 0 and 1, both included, and 0 elsewhere: the gradient of clip(φ(u), 0, 1)."""
    curve = torch.tanh(STEEPNESS * (potential.clamp(0, 1) - 0.5)) ** 2
    steep = STEEPNESS / (2 * math.tanh(STEEPNESS / 2)) * (1 - curve)
    return torch.where((potential >= 0) & (potential <= 1), steep, torch.zeros_like(steep))


def straight_through(potential: Tensor) -> Tensor:
    """Return 1 between 0 and 1, both included, and 0 elsewhere: the gradient of clip(u, 0, 1)."""
    return ((potential >= 0) & (potential <= 1)).to(potential.dtype)
