"""The contracts: what a method, a task and a source must offer. Protocols that name every stage's values come in here.

Importing this package imports no torch, and neither may a module that only *describes* a method: its frozen
dataclass holds parameters, and the ``nn.Module`` is imported inside ``build`` (or ``convert``, ``load``).
"""

from __future__ import annotations

from snnfw.contracts.sources import DataSource, ModelSource, Task, obtain, require_sources
from snnfw.contracts.stages import ExitPolicy, Preset, Search
from snnfw.contracts.trackers import Tracker
from snnfw.conversion.converter import Converter
from snnfw.energy.model import EnergyModel
from snnfw.launching.launcher import Launcher
from snnfw.planning.rules import Neuron, Quantiser, Rule

__all__ = [
    "Converter",
    "DataSource",
    "EnergyModel",
    "ExitPolicy",
    "Launcher",
    "ModelSource",
    "Neuron",
    "Preset",
    "Quantiser",
    "Rule",
    "Search",
    "Task",
    "Tracker",
    "obtain",
    "require_sources",
]
