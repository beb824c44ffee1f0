"""The contracts: the values that pass from stage to stage and what a method, a task and a source must offer.

Importing this package imports no torch, and neither may a module that only *describes* a method: its frozen
dataclass holds parameters, and the ``nn.Module`` is imported inside ``build`` (or ``convert``, ``load``).
"""

from __future__ import annotations

from snnfw.contracts.data import (
    Batch,
    Batches,
    Bundle,
    Drawing,
    Gallery,
    Inputs,
    Item,
    Output,
    Resources,
    Scorer,
    Track,
    View,
    untracked,
)
from snnfw.contracts.neurons import Keep, Neuron, Observer, Quantiser, Rule, Site, SiteStats
from snnfw.contracts.sources import DataSource, ModelSource, Task
from snnfw.contracts.stages import Converter, ExitPolicy, ExitRule, Found, Preset, Score, Search

__all__ = [
    "Batch",
    "Batches",
    "Bundle",
    "Converter",
    "DataSource",
    "Drawing",
    "ExitPolicy",
    "ExitRule",
    "Found",
    "Gallery",
    "Inputs",
    "Item",
    "Keep",
    "ModelSource",
    "Neuron",
    "Observer",
    "Output",
    "Preset",
    "Quantiser",
    "Resources",
    "Rule",
    "Score",
    "Scorer",
    "Search",
    "Site",
    "SiteStats",
    "Task",
    "Track",
    "View",
    "untracked",
]
