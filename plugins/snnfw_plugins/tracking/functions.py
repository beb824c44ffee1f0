"""Activation functions in C, for the tracking neuron's kernel: ``f`` from ``m``, in the order of torch's own."""

from __future__ import annotations

import math
from typing import Any

CODE = {
    "relu": "f = m < 0 ? 0 : m;",
    "relu6": "f = CLAMP(m, (real)0, (real)6);",
    "hardswish": "{{ real g = m + 3; g = CLAMP(g, (real)0, (real)6); f = m * g / 6; }}",
    "hardtanh": "f = CLAMP(m, (real){0!r}, (real){1!r});",
    "leaky_relu": "f = m > 0 ? m : m * (real){0!r};",
    "silu": "f = m / (1 + EXP(-m));",
    "gelu": "f = m * (real)0.5 * (1 + ERF(m * (real)0.70710678118654752440));",
    "sigmoid": "f = 1 / (1 + EXP(-m));",
    "hardsigmoid": "{{ const real g = m + 3; f = CLAMP(g, (real)0, (real)6) / 6; }}",
    "tanh": "f = 1 - 2 / (EXP(2 * m) + 1);",
}

DEFAULTS: dict[str, tuple[Any, ...]] = {"hardtanh": (-1.0, 1.0), "leaky_relu": (0.01,), "gelu": ("none",)}


def c_code(activation: str, arguments: tuple[Any, ...]) -> str | None:
    """Return the C code of an activation with its arguments; None where there is none, and the reference runs.

    An approximation of GELU, and anything with parameters that are learnt, has none.
    """
    given = (*arguments, *DEFAULTS.get(activation, ())[len(arguments) :])
    if activation not in CODE or (activation == "gelu" and given != ("none",)):
        return None
    if not all(math.isfinite(value) for value in given if isinstance(value, int | float)):
        return None
    return CODE[activation].format(*(float(value) for value in given if isinstance(value, int | float)))
