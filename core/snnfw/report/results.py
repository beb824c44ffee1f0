"""What a network's file keeps of a report: scores and counts at each checkpoint, priced by every model of energy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import Any

from snnfw.capture.graph import Graph
from snnfw.energy.charges import network_energy, spiking_energy
from snnfw.energy.inventory import take_inventory
from snnfw.energy.model import EnergyModel
from snnfw.errors import SnnfwError
from snnfw.planning.placement import Plan
from snnfw.report.cautions import describe_cautions
from snnfw.report.report import Report
from snnfw.report.sentences import describe_rise
from snnfw.report.summary import describe_method
from snnfw.simulate.trace import Point


def describe_results(
    report: Report, graph: Graph, plan: Plan, chosen: EnergyModel, models: Iterable[type[EnergyModel]]
) -> dict[str, Any]:
    """Return ``scores`` by timestep, and ``results``: what they mean, and energies.

    Energies are priced by the model that was chosen, and by every other one that needs no settings.
    """
    priced = {type(chosen): chosen, **{each: each() for each in models if each is not type(chosen) and _is_ready(each)}}
    return {
        "scores": {point.timestep: dict(point.scores) for point in report.checkpoints},
        "results": {
            "headline": report.headline,
            "samples": report.samples,
            "network": dict(report.network.scores),
            "steps": {point.timestep: point.steps for point in report.checkpoints},
            "energies": {describe_method(model): _price(report, graph, plan, model) for model in priced.values()},
            "cautions": [each for each in describe_cautions(report) if each != describe_rise(report)],
            "multiplied_share": report.multiplied_share,
        },
    }


def _is_ready(model: type[EnergyModel]) -> bool:
    """Tell whether a model can be made without saying anything."""
    return all(field.default is not MISSING or field.default_factory is not MISSING for field in fields(model))  # type: ignore[arg-type]  # models are dataclasses


def _price(report: Report, graph: Graph, plan: Plan, model: EnergyModel) -> dict[str, Any]:
    """Return the energy of one sample in millijoules by a model: the network's, and the spiking one's in the end."""
    inventory, last = take_inventory(graph, plan), report.checkpoints[-1]
    work = Point(
        last.timestep,
        last.scores,
        last.steps,
        last.reads,
        {layer.site: layer.spikes for layer in report.layers},
        {operator.node: operator.accumulations for operator in report.operators},
    )
    try:
        network = network_energy(inventory, model, report.network.passes)
        return {"network": network, "spiking": spiking_energy(inventory, model, work, report.network.passes).total}
    except SnnfwError as error:  # of somebody else's model, which is no reason to lose a run
        return {"refused": str(error)}
