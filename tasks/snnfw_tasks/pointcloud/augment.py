"""Turn clouds at random while a network is trained on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def turn(points: Tensor, up: int, degrees: float) -> Tensor:
    """Return clouds [N, 3, P], each turned about the axis ``up`` by a random angle of up to ``degrees`` either way."""
    angles = (2 * torch.rand(len(points)) - 1) * math.radians(degrees)
    first, second = ((1, 2), (0, 2), (0, 1))[up]
    matrix = torch.eye(3).repeat(len(points), 1, 1)
    matrix[:, first, first], matrix[:, second, second] = angles.cos(), angles.cos()
    matrix[:, first, second], matrix[:, second, first] = -angles.sin(), angles.sin()
    return torch.bmm(matrix, points)
