"""Kernels: a neuron's lines of C made to run; what compiles, calls or lays out memory for them comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.kernels.bits import COUNT_BITS, bit_width, count_set_bits
    from snnfw.kernels.body import Kernel, KernelBody
    from snnfw.kernels.functions import activation_code

__all__ = [
    "COUNT_BITS",
    "Kernel",
    "KernelBody",
    "activation_code",
    "bit_width",
    "count_set_bits",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "bits": "COUNT_BITS bit_width count_set_bits",
        "body": "Kernel KernelBody",
        "functions": "activation_code",
    },
)
