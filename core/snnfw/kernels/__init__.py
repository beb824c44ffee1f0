"""Kernels: a neuron's lines of C made to run; what compiles, calls or lays out memory for them comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.kernels.body import Kernel, KernelBody
    from snnfw.kernels.functions import activation_code

__all__ = [
    "Kernel",
    "KernelBody",
    "activation_code",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "body": "Kernel KernelBody",
        "functions": "activation_code",
    },
)
