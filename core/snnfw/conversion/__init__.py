"""Convert: from a plan to a spiking model with the help of calibration data; what watches activations comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.conversion.activations import first_samples, mean_activations, observe, to_device
    from snnfw.conversion.converter import Converter
    from snnfw.conversion.direct import Direct, build_spiking_model

__all__ = [
    "Converter",
    "Direct",
    "build_spiking_model",
    "first_samples",
    "mean_activations",
    "observe",
    "to_device",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "converter": "Converter",
        "direct": "Direct build_spiking_model",
        "activations": "first_samples mean_activations to_device observe",
    },
)
