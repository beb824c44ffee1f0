"""Turn trained PyTorch networks into spiking ones, train spiking ones, and measure both honestly."""

from __future__ import annotations

from importlib import import_module, metadata
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from snnfw.config.resolution import resolve, resolve_mapping
from snnfw.config.schema import RunConfig
from snnfw.contracts import DataSource, ExitPolicy, ModelSource, Preset, Search, Task, obtain, require_sources
from snnfw.convert.converter import Converter
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.plan.rules import Neuron, Quantiser, Rule
from snnfw.registry import Registry
from snnfw.renamed import new_name
from snnfw.search.results import Score, SearchResult
from snnfw.started import STARTED as STARTED  # read here first, before plugins are imported
from snnfw.values import (
    Batch,
    Batches,
    Bundle,
    Data,
    Drawing,
    ExitRule,
    Gallery,
    Inputs,
    Item,
    Judgement,
    Keep,
    Observer,
    Output,
    Resources,
    Scorer,
    Site,
    SiteStats,
    Track,
    Training,
    View,
)

if TYPE_CHECKING:
    from snnfw.neurons.spiking_neuron import SpikingNeuron
    from snnfw.pipeline import run
    from snnfw.plan.placement import place
    from snnfw.report.report import Report
    from snnfw.spiking.model import SpikingModel

    __version__: str

HEAVY = MappingProxyType(
    {
        "place": "snnfw.plan.placement",
        "run": "snnfw.pipeline",
        "Report": "snnfw.report.report",
        "SpikingModel": "snnfw.spiking.model",
        "SpikingNeuron": "snnfw.neurons.spiking_neuron",
    }
)
"""What needs torch, and where it is: imported when it is first asked for."""

__all__ = [
    "Batch",
    "Batches",
    "Bundle",
    "Converter",
    "Data",
    "DataSource",
    "Drawing",
    "ExitPolicy",
    "ExitRule",
    "Gallery",
    "Inputs",
    "Item",
    "Judgement",
    "Keep",
    "ModelSource",
    "Neuron",
    "Observer",
    "Output",
    "Preset",
    "Quantiser",
    "Registry",
    "Report",
    "Resources",
    "Rule",
    "RunConfig",
    "Score",
    "Scorer",
    "Search",
    "SearchResult",
    "Site",
    "SiteStats",
    "SnnfwError",
    "SpikingModel",
    "SpikingNeuron",
    "Task",
    "Track",
    "Training",
    "View",
    "__version__",
    "hookimpl",
    "obtain",
    "place",
    "require_sources",
    "resolve",
    "resolve_mapping",
    "run",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for, and read the version from the installed package."""
    if name == "__version__":
        return metadata.version("snnfw")
    if name in HEAVY:
        return getattr(import_module(HEAVY[name]), name)
    now = new_name(f"snnfw.{name}")
    raise AttributeError(f"module 'snnfw' has no attribute '{name}'" + (f": it is {now} now" if now else ""))
