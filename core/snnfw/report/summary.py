"""Sum a run up in a report: the network, each checkpoint, layers and operators."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from snnfw.capture.graph import Graph
from snnfw.contracts import ExitPolicy, Search
from snnfw.conversion.converter import Converter
from snnfw.energy.break_even import break_even_rate, break_even_rates
from snnfw.energy.charges import layer_energy, network_energy, spiking_energy, uncharged_operators
from snnfw.energy.inventory import Inventory, payload_of, take_inventory
from snnfw.energy.model import EnergyModel
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Fate, Plan
from snnfw.planning.rules import Neuron
from snnfw.report.report import SCHEMA, Checkpoint, Layer, Network, Operator, Report
from snnfw.simulate.settling import Certificate
from snnfw.simulate.trace import Point, Trace
from snnfw.values import Keep

EIGHT = 8
"""Bits of the quantised network that everybody can have."""

Method: TypeAlias = "Neuron | Keep | Converter | Search | ExitPolicy | EnergyModel"


def summarise_network(
    inventory: Inventory, costs: EnergyModel, scores: Mapping[str, float], seconds: float, frames: int | None
) -> Network:
    """Return the network's own scores and cost; of ``frames`` it is asked for each."""
    passes = frames or 1
    macs, energy = inventory.plan.macs * passes, network_energy(inventory, costs, passes)
    return Network(scores, macs, energy, seconds, passes, network_energy(inventory, costs, passes, EIGHT))


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
    certificate: Certificate | None = None,
    chance: float | None = None,
) -> Report:
    """Return the report of one run.

    ``searched`` and ``exited`` are what the search and the exit rule keep of themselves; ``certificate`` is how far a
    delta-coded run has settled; ``chance`` the headline of guessing.
    """
    inventory, final = take_inventory(graph, plan), trace.final
    charged = layer_energy(inventory, costs, final)
    return Report(
        schema=SCHEMA,
        headline=headline,
        about=about,
        network=network,
        checkpoints=tuple(summarise_checkpoint(inventory, point, costs, network) for point in trace.points),
        layers=_layers(graph, plan, final, charged),
        operators=_operators(inventory, final, costs, charged, network.passes),
        uncharged=tuple(uncharged_operators(plan)),
        spiking_share=plan.spiking_share,
        multiplied_share=plan.multiplied_share,
        energy_model=describe_method(costs),
        event_rate=_event_rate(plan, final),
        break_even_rate=break_even_rate(inventory, costs, final.steps, network.passes),
        exits=trace.exits,
        samples=trace.samples,
        seconds=trace.seconds,
        chunk=trace.chunk,
        search=dict(searched) if searched else None,
        exit=dict(exited) if exited else None,
        pictures={},
        coding=plan.coding,
        certificate=certificate,
        chance=chance,
    )


def summarise_checkpoint(inventory: Inventory, point: Point, costs: EnergyModel, network: Network) -> Checkpoint:
    """Return the scores and the cost of one checkpoint, beside what the network itself costs."""
    energy = spiking_energy(inventory, costs, point, network.passes)
    ratio = energy.total / network.energy if network.energy else math.nan
    return Checkpoint(point.timestep, point.steps, point.reads, point.scores, energy, ratio)


def _layers(graph: Graph, plan: Plan, final: Point, charged: Mapping[str, float]) -> tuple[Layer, ...]:
    layers = []
    for placement in plan.placements:
        site, neuron = placement.site, placement.neuron
        spikes = final.spikes.get(site.name, 0.0)
        count, payload = graph.elements[site.node], payload_of(neuron)
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
                payload=payload,
                bits=spikes * payload,
                energy=charged.get(site.node, 0.0),
            )
        )
    return tuple(layers)


def _operators(
    inventory: Inventory, final: Point, costs: EnergyModel, charged: Mapping[str, float], passes: int
) -> tuple[Operator, ...]:
    even = break_even_rates(inventory, costs, final.steps, passes)
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
            energy=charged.get(fate.node, 0.0),
            event_rate=_rate([fate], final) if fate.node in even else None,
            break_even_rate=even.get(fate.node),
        )
        for fate in inventory.plan.fates.values()
        if is_reported(fate) or (charged.get(fate.node) and fate.placement is None)
    )


def is_reported(fate: Fate) -> bool:
    """Tell whether an operator is worth a row: it costs, or it stays analog, or it takes a maximum."""
    return fate.placement is None and (fate.macs > 0 or fate.kind in (Kind.ANALOG, Kind.PRODUCT, Kind.MAXIMUM))


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
    return _rate([fate for fate in plan.fates.values() if fate.events and fate.macs], final)


def _rate(fates: Sequence[Fate], final: Point) -> float:
    connections = sum(fate.macs for fate in fates) * final.steps
    added = sum(final.accumulations.get(fate.node, 0.0) for fate in fates)
    return added / connections if connections else 0.0
