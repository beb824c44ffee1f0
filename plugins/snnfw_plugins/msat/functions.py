"""Exponential, logarithm and logistic function of arithmetic alone, in torch and in C, equal to the last bit.

An MSAT spike is as high as its threshold, so a last bit in which two libraries' exponentials differ would be in every
output. Both versions here take the same steps in the same order; they are within 1e-13 of the true values in float64
and 1e-5 in float32, relative to them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LIMIT = 40
"""exp(-40) = 4e-18 is nothing beside 1: no smaller exponential is computed, so none becomes 0."""

HALVINGS = 6
"""exp(-a) is computed as exp(-a / 64) squared six times."""

SHARE = -1.0 / 2**HALVINGS
EXPONENTIAL = tuple(1.0 / math.factorial(power) for power in range(14, -1, -1))
"""Taylor's coefficients, highest power first; the first left out is below 1e-15 for a = 40, 1e-20 for a = 20."""

LOGARITHM = tuple(2.0 / power for power in range(33, 0, -2))
"""Of ln(1 + e) = 2 artanh(r) = 2 r + 2 r³/3 + ... with r = e / (2 + e) up to 1/3, highest power first."""


def decay(exponent: Tensor) -> Tensor:
    """Return exp(-a) for exponents a >= 0, and exp(-40) above 40."""
    step = exponent.clamp(max=LIMIT) * SHARE
    result = _polynomial(step, EXPONENTIAL)
    for _ in range(HALVINGS):
        result = result * result
    return result


def softplus(value: Tensor) -> Tensor:
    """Return ln(1 + exp(a)) as max(a, 0) + ln(1 + exp(-|a|))."""
    decayed = decay(value.abs())
    ratio = decayed / (decayed + 2)
    return value.clamp(min=0) + ratio * _polynomial(ratio * ratio, LOGARITHM)


def exponential(value: Tensor) -> Tensor:
    """Return exp(-a) for exponents of any sign, held between exp(-40) and exp(40)."""
    decayed = decay(value.abs())
    return torch.where(value < 0, 1 / decayed, decayed)


def sigmoid(value: Tensor) -> Tensor:
    """Return 1 / (1 + exp(-a)), which is at least exp(-40): never 0."""
    decayed = decay(value.abs())
    return torch.where(value < 0, decayed, 1.0) / (decayed + 1)


def _polynomial(value: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    result = torch.full_like(value, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * value + coefficient
    return result


def c_decay(name: str, exponent: str) -> str:
    """Return C that declares ``name`` as what ``decay`` returns."""
    return (
        f"""
        real {name}_step = {exponent};
        {name}_step = ({name}_step > {LIMIT} ? {LIMIT} : {name}_step) * (real){SHARE!r};
        {_c_polynomial(name, f"{name}_step", EXPONENTIAL)}
    """
        + f"{name} = {name} * {name};\n" * HALVINGS
    )


def c_softplus(name: str, value: str) -> str:
    """Return C that declares ``name`` as what ``softplus`` returns for a variable."""
    return f"""
        {c_decay(f"{name}_decayed", f"ABS({value})")}
        const real {name}_ratio = {name}_decayed / ({name}_decayed + 2);
        const real {name}_square = {name}_ratio * {name}_ratio;
        {_c_polynomial(f"{name}_series", f"{name}_square", LOGARITHM)}
        const real {name} = ({value} < 0 ? 0 : {value}) + {name}_ratio * {name}_series;
    """


def c_exponential(name: str, value: str) -> str:
    """Return C that declares ``name`` as what ``exponential`` returns for a variable."""
    return f"""
        {c_decay(f"{name}_decayed", f"ABS({value})")}
        const real {name} = {value} < 0 ? 1 / {name}_decayed : {name}_decayed;
    """


def c_sigmoid(name: str, value: str) -> str:
    """Return C that declares ``name`` as what ``sigmoid`` returns for a variable."""
    return f"""
        {c_decay(f"{name}_decayed", f"ABS({value})")}
        const real {name} = ({value} < 0 ? {name}_decayed : 1) / ({name}_decayed + 1);
    """


def _c_polynomial(name: str, value: str, coefficients: tuple[float, ...]) -> str:
    steps = (f"{name} = {name} * {value} + (real){coefficient!r};" for coefficient in coefficients[1:])
    return "\n".join((f"real {name} = (real){coefficients[0]!r};", *steps))
