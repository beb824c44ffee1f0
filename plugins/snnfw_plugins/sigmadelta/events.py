"""What one event of a change is worth: a signed power of two, a bit, or one threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from snnfw.kernels import COUNT_BITS, count_set_bits

ROUNDING = 0.5 + 2**-10
"""What is added before a whole number is taken of a value in λ.

A little more than a half, so that halves and other short fractions, which products and averages of whole numbers end at
all the time, are no ties that the last bit of a sum decides.
"""

LARGEST = 2**22
"""The largest change of a timestep, in λ: up to there 32-bit arithmetic knows the whole number from the output."""

MOST_DIGITS = LARGEST.bit_length()
"""As many powers of two as no change of a timestep takes more of."""

# The highest power of two below or at a size: its bits are smeared to the right, so that one step up is a power.
HIGHEST = """
    {
        const real size = ABS(left);
        unsigned int v = (unsigned int)(int)size;
        v = v | (v >> 1); v = v | (v >> 2); v = v | (v >> 4); v = v | (v >> 8); v = v | (v >> 16);
        v = v - (v >> 1);
        const real low = (real)(int)v;
        const real power = NEAREST;
        const real signed_power = left < 0 ? -power : power;
        went = went + signed_power;
        left = left - signed_power;
        count = count + (power > 0 ? 1 : 0);
    }
"""

COUNT = f"""
    const real size = ABS(missing);
    unsigned int bits = (unsigned int)(int)size;
    MARKED
    {COUNT_BITS}
    count = (real)(int)bits;
    went = missing;
"""


@dataclass(frozen=True, slots=True)
class Form:
    """How a whole number of thresholds goes out as events, largest first.

    ``send(missing, digits)`` returns what at most so many events carry of a whole number, all of it where digits is
    None; ``count(sent)`` how many events a number takes that went out; ``code(digits)`` sets ``went`` and ``count`` in
    C from ``missing``.
    """

    send: Callable[[Tensor, int | None], Tensor]
    count: Callable[[Tensor], Tensor]
    code: Callable[[int | None], str]


def highest_power(size: Tensor) -> Tensor:
    """Return the highest power of two that is not above each of some whole numbers, 0 for 0.

    Its exponent is found bit by bit, highest first, by comparisons alone: every format of others has those, exactly.
    """
    power = torch.ones_like(size)
    for raised in (2.0**16, 2.0**8, 2.0**4, 2.0**2, 2.0):
        higher = power * raised
        power = torch.where(size >= higher, higher, power)
    return torch.where(size > 0, power, 0 * size)


def nearest_power(size: Tensor) -> Tensor:
    """Return the power of two nearest to each of some whole numbers: 4 for 3, the larger one of two as near."""
    low = highest_power(size)
    return torch.where(size >= 1.5 * low, low + low, low)


def _send_powers(power_of: Callable[[Tensor], Tensor], missing: Tensor, digits: int | None) -> Tensor:
    if digits is None:
        return missing
    left = missing
    for _ in range(min(digits, MOST_DIGITS)):
        left = left - left.sign() * power_of(left.abs())
    return missing - left


def count_signed_digits(whole: Tensor) -> Tensor:
    """Return how many signed powers of two each whole number takes at least: 3 n and n differ in as many bits."""
    size = whole.abs().to(torch.int64)
    return count_set_bits(((3 * size) ^ size).double()).to(whole.dtype)


def _powers_in_c(nearest: str, marked: str, digits: int | None) -> str:
    if digits is None:
        return COUNT.replace("MARKED", marked)
    return HIGHEST.replace("NEAREST", nearest) * min(digits, MOST_DIGITS)


def _units_in_c(digits: int | None) -> str:
    if digits is None:
        return "went = missing; count = ABS(went);"
    return f"went = CLAMP(missing, (real)-{digits}.0, (real){digits}.0); count = ABS(went);"


def _send_units(missing: Tensor, digits: int | None) -> Tensor:
    return missing if digits is None else missing.clamp(-digits, digits)


FORMS: Mapping[str, Form] = {
    "signed": Form(
        lambda missing, digits: _send_powers(nearest_power, missing, digits),
        count_signed_digits,
        lambda digits: _powers_in_c("size >= (real)1.5 * low ? low + low : low", "bits = (bits * 3u) ^ bits;", digits),
    ),
    "binary": Form(
        lambda missing, digits: _send_powers(highest_power, missing, digits),
        count_set_bits,
        lambda digits: _powers_in_c("low", "", digits),
    ),
    "unary": Form(_send_units, Tensor.abs, _units_in_c),
}
"""Signed powers of two (3 goes out as 4 - 1), the bits of the magnitude (2 + 1), or so many units (1 + 1 + 1)."""
