"""Thresholds that follow the mean entropy of calibration samples over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from torch import Tensor

from snnfw import SnnfwError

NOBODY = 1.0
"""Mean entropy and threshold of a timestep after which no calibration sample is right: nobody leaves there."""


Sign: TypeAlias = Literal["shannon", "paper"]


@dataclass(frozen=True, slots=True)
class Rise:
    """How thresholds rise: from ``base`` by ``beta`` at most, with the decay constant ``delta``."""

    base: float
    beta: float
    delta: float


def rising_thresholds(entropy: Tensor, rise: Rise, sign: Sign) -> tuple[tuple[float, ...], list[float]]:
    """Return α(t) and the mean entropy E(t) that it follows, from E [T], which is NaN where no sample is right.

    α(t) = base + β · exp(-(E(t) - min E) / δ), Adaptive Calibration, Eq. 18. With the sign of Eq. 16, E is the negative
    of the entropy: α(t) = base + β · exp(-(max E - E(t)) / δ), and thresholds fall as the network grows surer.
    """
    known = ~entropy.isnan()
    if not known.any():
        raise SnnfwError(
            "no calibration sample is right after any timestep, so that there is no entropy to set thresholds by: "
            "use more timesteps, or exit.correct_only=false."
        )
    signed = entropy if sign == "shannon" else -entropy
    alpha = rise.base + rise.beta * (-(signed - signed[known].min()) / rise.delta).exp()
    return tuple(alpha.nan_to_num(nan=NOBODY).tolist()), entropy.nan_to_num(nan=NOBODY).tolist()
