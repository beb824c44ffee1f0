"""Activation functions in C, for kernels of neurons that follow any of them: ``f`` from ``m``, in torch's order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

CODE: Mapping[str, str] = {
    "relu": "f = m < 0 ? 0 : m;",
    "relu6": "f = CLAMP(m, (real)0, (real)6);",
    "hardswish": "{{ real g = m + 3; g = CLAMP(g, (real)0, (real)6); f = m * g / 6; }}",
    "hardtanh": "f = CLAMP(m, (real){0!r}, (real){1!r});",
    "leaky_relu": "f = m > 0 ? m : m * (real){0!r};",
    "rrelu": "f = m > 0 ? m : m * (real){0!r};",
    "silu": "f = m / (1 + EXP(-m));",
    "gelu": "f = m * (real)0.5 * (1 + ERF(m * (real)0.70710678118654752440));",
    "sigmoid": "f = 1 / (1 + EXP(-m));",
    "hardsigmoid": "{{ const real g = m + 3; f = CLAMP(g, (real)0, (real)6) / 6; }}",
    "identity": "f = m;",
    "tanh": "f = 1 - 2 / (EXP(2 * m) + 1);",
}

DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "hardtanh": (-1.0, 1.0),
    "leaky_relu": (0.01,),
    "rrelu": (1 / 8, 1 / 3),
    "gelu": ("none",),
}


def activation_code(activation: str, arguments: tuple[Any, ...]) -> str | None:
    """Return the C code of an activation with its arguments; None where there is none, and the reference runs.

    Without are GELU's approximation, bounds in the wrong order, what is random, and numbers that are not finite.
    """
    given = (*arguments, *DEFAULTS.get(activation, ())[len(arguments) :])
    numbers = _numbers(activation, given)
    if activation not in CODE or numbers is None or not all(map(math.isfinite, numbers)):
        return None
    return CODE[activation].format(*map(float, numbers))


def _numbers(activation: str, given: tuple[Any, ...]) -> tuple[float, ...] | None:
    """Return the numbers that the code reads; None where the code would not compute what torch does."""
    if activation == "gelu":
        return () if given == ("none",) else None
    if activation == "rrelu":  # lower and upper bound of the slope, whether it is drawn, and from which generator
        return None if any(given[2:]) else ((given[0] + given[1]) / 2,)
    if activation == "hardtanh" and given[0] > given[1]:
        return None
    return given
