"""Checks: what runs a plugin of some kind, to see whether it keeps its contract, comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.checks.converters import check_converter
    from snnfw.checks.energy_models import check_energy_model
    from snnfw.checks.exits import check_exit
    from snnfw.checks.faults import NotTriedError
    from snnfw.checks.launchers import check_launcher
    from snnfw.checks.named import check_named
    from snnfw.checks.neurons import check_neuron
    from snnfw.checks.presets import check_preset
    from snnfw.checks.searches import check_search
    from snnfw.checks.sources import check_data, check_model
    from snnfw.checks.tasks import check_task
    from snnfw.checks.trackers import check_tracker

__all__ = [
    "NotTriedError",
    "check_converter",
    "check_data",
    "check_energy_model",
    "check_exit",
    "check_launcher",
    "check_model",
    "check_named",
    "check_neuron",
    "check_preset",
    "check_search",
    "check_task",
    "check_tracker",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "converters": "check_converter",
        "energy_models": "check_energy_model",
        "exits": "check_exit",
        "faults": "NotTriedError",
        "launchers": "check_launcher",
        "named": "check_named",
        "neurons": "check_neuron",
        "presets": "check_preset",
        "searches": "check_search",
        "sources": "check_data check_model",
        "tasks": "check_task",
        "trackers": "check_tracker",
    },
)
