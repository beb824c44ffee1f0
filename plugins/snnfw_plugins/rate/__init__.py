"""Classic rate coding: integrate-and-fire neurons with thresholds from activations, and nothing corrected."""

from __future__ import annotations

from collections.abc import Iterable

from snnfw import Preset, Rule, hookimpl
from snnfw.conversion import Direct
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.tracking import Tracking


@hookimpl
def snnfw_register_presets() -> Iterable[Preset]:
    """Register ``plugin=rate``: the baseline of Diehl et al. (2015) and Rueckauer et al. (2017)."""
    return [
        Preset(
            name="rate",
            layers=(
                Rule("*", IntegrateAndFire(), activation="relu", optional=True),
                Rule("*", Tracking(phi=1), optional=True),
            ),
            converter=Direct(),
            timesteps=64,
            summary="Rate coding: integrate-and-fire neurons, thresholds from the largest activation, no correction",
        )
    ]
