"""Sum a run up in a report: the network, each checkpoint, layers and operators."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from snnfw.capture.graph import Graph
from snnfw.contracts import ExitPolicy, Search
from snnfw.conversion.converter import Converter
from snnfw.energy.charges import break_even_rate, layer_energy, network_energy, spiking_energy, uncharged_operators
from snnfw.energy.model import EnergyModel
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Fate, Plan
from snnfw.planning.rules import Neuron
from snnfw.report.report import SCHEMA, Checkpoint, Layer, Network, Operator, Report
from snnfw.simulate.trace import Point, Trace
from snnfw.values import Keep

Method: TypeAlias = "Neuron | Keep | Converter | Search | ExitPolicy"


def summarise_network(
    plan: Plan, costs: EnergyModel, scores: Mapping[str, float], seconds: float, frames: int | None
) -> Network:
    """Return the network's own scores and cost; of ``frames`` it is asked for each."""
    passes = frames or 1
    return Network(scores, plan.macs * passes, network_energy(plan, costs, passes), seconds, passes)


def make_report(
    graph: Graph,
    plan: Plan,
    trace: Trace,
    network: Network,
    costs: EnergyModel,
    headline: str,
    about: Mapping[str, Any],
    searched: Mapping[str, Any] | None = None,
    exited: Mapping[str, Any] | None = None,
    pictures: Mapping[str, str] | None = None,
) -> Report:
    """Return the report of one run.

    ``searched`` and ``exited`` are what the search and the exit rule keep of themselves; ``pictures`` the captions of
    what the task drew, by file.
    """
    return Report(
        schema=SCHEMA,
        headline=headline,
        about=about,
        network=network,
        checkpoints=tuple(summarise_checkpoint(plan, point, costs, network.energy) for point in trace.points),
        layers=_layers(graph, plan, trace.final),
        operators=_operators(plan, trace.final, costs),
        uncharged=tuple(uncharged_operators(plan)),
        spiking_share=plan.spiking_share,
        multiplied_share=plan.multiplied_share,
        event_rate=_event_rate(plan, trace.final),
        break_even_rate=break_even_rate(costs, trace.final.steps, _largest_burst(plan)),
        exits=trace.exits,
        samples=trace.samples,
        seconds=trace.seconds,
        chunk=trace.chunk,
        search=dict(searched) if searched else None,
        exit=dict(exited) if exited else None,
        pictures=dict(pictures or {}),
    )


def summarise_checkpoint(plan: Plan, point: Point, costs: EnergyModel, own: float) -> Checkpoint:
    """Return the scores and the cost of one checkpoint; ``own`` is the network's energy."""
    energy = spiking_energy(plan, costs, point)
    ratio = energy.total / own if own else math.nan
    return Checkpoint(point.timestep, point.steps, point.reads, point.scores, energy, ratio)


def _layers(graph: Graph, plan: Plan, final: Point) -> tuple[Layer, ...]:
    layers = []
    for placement in plan.placements:
        site, neuron = placement.site, placement.neuron
        spikes = final.spikes.get(site.name, 0.0)
        count = graph.elements[site.node]
        layers.append(
            Layer(
                site=site.name,
                activation=site.activation,
                neuron=neuron.name,
                method=describe_method(neuron),
                parameters=parameters(neuron),
                rule=str(placement.rule),
                neurons=count,
                spikes=spikes,
                rate=spikes / (count * final.steps) if count else 0.0,
            )
        )
    return tuple(layers)


def _operators(plan: Plan, final: Point, costs: EnergyModel) -> tuple[Operator, ...]:
    energy = layer_energy(plan, costs, final)
    return tuple(
        Operator(
            node=fate.node,
            operator=fate.operator,
            path=fate.path,
            kind=fate.kind.value,
            macs=fate.macs,
            events=fate.events,
            repeats=fate.repeats,
            accumulations=final.accumulations.get(fate.node, 0.0),
            energy=energy.get(fate.node, 0.0),
        )
        for fate in plan.fates.values()
        if is_reported(fate)
    )


def is_reported(fate: Fate) -> bool:
    """Tell whether an operator is worth a row: it costs, or it stays analog, or it takes a maximum."""
    return fate.placement is None and (fate.macs > 0 or fate.kind in (Kind.ANALOG, Kind.MAXIMUM))


def parameters(method: Method) -> dict[str, Any]:
    """Return a method's parameters by name."""
    return {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}  # type: ignore[arg-type]  # a method is a dataclass


def describe_method(method: Method) -> str:
    """Return a method with the parameters that are not its defaults, as a recipe would say it."""
    usual = {field.name: field.default for field in dataclasses.fields(method)}  # type: ignore[arg-type]  # a dataclass
    unusual = ", ".join(f"{name}={value}" for name, value in parameters(method).items() if usual[name] != value)
    return f"{method.name}({unusual})" if unusual else method.name


def _event_rate(plan: Plan, final: Point) -> float:
    """Return the events per input element and timestep of the layers that read events, weighted by their MACs."""
    connections = sum(fate.macs for fate in plan.fates.values() if fate.events) * final.steps
    return sum(final.accumulations.values()) / connections if connections else 0.0


def _largest_burst(plan: Plan) -> int:
    """Return the most spikes that any neuron may fire in a timestep."""
    return max((getattr(placement.neuron, "burst", 1) for placement in plan.placements), default=1)
