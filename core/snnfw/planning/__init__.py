"""Plan: what becomes of every operator; the rules that place neurons and the kinds of operators come in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.planning.coding import coding_of
    from snnfw.planning.kinds import Kind
    from snnfw.planning.placement import Placement, Plan, place
    from snnfw.planning.rules import Neuron, Quantiser, Rule

__all__ = [
    "Kind",
    "Neuron",
    "Placement",
    "Plan",
    "Quantiser",
    "Rule",
    "coding_of",
    "place",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "kinds": "Kind",
        "coding": "coding_of",
        "placement": "Placement Plan place",
        "rules": "Neuron Quantiser Rule",
    },
)
