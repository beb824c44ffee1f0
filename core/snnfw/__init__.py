"""Turn trained PyTorch networks into spiking ones, train spiking ones, and measure both honestly."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from snnfw.allocator import keep_freed_memory
from snnfw.config.resolution import resolve, resolve_mapping
from snnfw.config.schema import RunConfig
from snnfw.contracts import (
    DataSource,
    EnergyModel,
    ExitPolicy,
    ModelSource,
    Preset,
    Search,
    Task,
    Tracker,
    obtain,
    require_sources,
)
from snnfw.conversion.converter import Converter
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.launching.launcher import Launcher, Lost
from snnfw.on_demand import import_on_demand
from snnfw.planning.rules import Neuron, Quantiser, Rule
from snnfw.registry import Registry
from snnfw.search.results import Score, SearchResult
from snnfw.started import STARTED as STARTED  # read here first, before plugins are imported
from snnfw.values import (
    DELTA,
    RATE,
    Batch,
    Batches,
    Bundle,
    Chart,
    Curve,
    Data,
    Drawing,
    ExitRule,
    Gallery,
    Inputs,
    Item,
    Judgement,
    Keep,
    Measurement,
    MergeableScorer,
    Observer,
    Output,
    Resources,
    Scorer,
    Site,
    SiteStats,
    Track,
    Tracked,
    Training,
    View,
)

if TYPE_CHECKING:
    from snnfw.network.converting import convert, plan
    from snnfw.network.evaluating import evaluate
    from snnfw.network.exporting import export
    from snnfw.network.leaderboards import compare
    from snnfw.network.network import SpikingNetwork
    from snnfw.network.storing import load
    from snnfw.network.tuning import Tuned, tune
    from snnfw.neurons.spiking_neuron import SpikingNeuron
    from snnfw.pipeline import run
    from snnfw.planning.placement import place
    from snnfw.report.report import Report
    from snnfw.spiking.model import SpikingModel

    __version__: str

_import_heavy = import_on_demand(
    __name__,
    {
        "network.converting": "convert plan",
        "network.evaluating": "evaluate",
        "network.leaderboards": "compare",
        "network.exporting": "export",
        "network.network": "SpikingNetwork",
        "network.storing": "load",
        "network.tuning": "Tuned tune",
        "planning.placement": "place",
        "pipeline": "run",
        "report.report": "Report",
        "spiking.model": "SpikingModel",
        "neurons.spiking_neuron": "SpikingNeuron",
    },
)

__all__ = [
    "DELTA",
    "RATE",
    "Batch",
    "Batches",
    "Bundle",
    "Chart",
    "Converter",
    "Curve",
    "Data",
    "DataSource",
    "Drawing",
    "EnergyModel",
    "ExitPolicy",
    "ExitRule",
    "Gallery",
    "Inputs",
    "Item",
    "Judgement",
    "Keep",
    "Launcher",
    "Lost",
    "Measurement",
    "MergeableScorer",
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
    "SpikingNetwork",
    "SpikingNeuron",
    "Task",
    "Track",
    "Tracked",
    "Tracker",
    "Training",
    "Tuned",
    "View",
    "__version__",
    "compare",
    "convert",
    "evaluate",
    "export",
    "hookimpl",
    "keep_freed_memory",
    "load",
    "obtain",
    "place",
    "plan",
    "require_sources",
    "resolve",
    "resolve_mapping",
    "run",
    "tune",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for, and read the version from the installed package."""
    if name == "__version__":
        return metadata.version("snnfw")
    return _import_heavy(name)
