"""What a network keeps of a report: its scores, and its energies by every model that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snnfw.energy.model import EnergyModel
from snnfw.registry import Registry
from snnfw.report.report import Report
from snnfw.report.results import describe_results
from snnfw.spiking.model import SpikingModel


def add_results(
    about: Mapping[str, Any], report: Report | None, model: SpikingModel, costs: EnergyModel
) -> dict[str, Any]:
    """Return a network's provenance, with a report's results and the data they are from where there is a report."""
    if report is None:
        return dict(about)
    data = {key: report.about[key] for key in ("evaluation",) if key in report.about}
    models = Registry().energy_models.values()
    return {**about, **data, **describe_results(report, model.graph, model.plan, costs, models)}
