"""Conversion with burst spikes (Li & Zeng, 2022): one limit on bursts everywhere, thresholds from a percentile."""

from __future__ import annotations

from collections.abc import Iterable

from snnfw import Preset, Rule, hookimpl
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.tracking import Tracking


@hookimpl
def snnfw_register_presets() -> Iterable[Preset]:
    """Register ``plugin=burst``: φ = 5 everywhere, θ = the 99.9th percentile of the activation, no correction."""
    return [
        Preset(
            name="burst",
            layers=(
                Rule("*", AdaFire(phi=5, shift=False), activation="relu", optional=True),
                Rule("*", Tracking(phi=5), optional=True),
            ),
            converter=Calibration(threshold="percentile", percentile=99.9, bias=False),
            timesteps=32,
            summary="Burst spikes: up to 5 spikes in a timestep, thresholds from the 99.9th percentile, no correction",
        )
    ]
