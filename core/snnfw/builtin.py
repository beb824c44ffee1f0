"""What the core itself registers, through the hooks that everybody uses."""

from __future__ import annotations

from collections.abc import Iterable

from snnfw.contracts import Preset
from snnfw.conversion.converter import Converter
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.energy.model import EnergyModel
from snnfw.hookspecs import hookimpl
from snnfw.planning.rules import Rule
from snnfw.values import Keep


@hookimpl
def snnfw_register_converters() -> Iterable[type[Converter]]:
    """Register the converter that every run has when none is chosen."""
    return [Direct]


@hookimpl
def snnfw_register_energy_models() -> Iterable[type[EnergyModel]]:
    """Register the prices that every run has when none are chosen."""
    return [Horowitz]


@hookimpl
def snnfw_register_presets() -> Iterable[Preset]:
    """Register ``plugin=ann``: the network as it is, to train it or to see what it costs."""
    return [
        Preset(
            name="ann",
            layers=(Rule("*", Keep()),),
            converter=Direct(),
            timesteps=1,
            summary="the network itself, every activation kept analog",
        )
    ]
