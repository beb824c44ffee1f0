"""Search in the first of several processes alone, and let the others have the plan that it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from snnfw.capture.graph import Graph
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Neuron, Rule
from snnfw.ranks.group import Ranks
from snnfw.search.results import SearchResult
from snnfw.values import Keep


@dataclass(frozen=True, slots=True)
class Sent:
    """What a plan is made of, apart from the graph, which every process has captured."""

    layers: tuple[Rule, ...]
    temporal: bool
    neurons: Mapping[str, Neuron | Keep]

    @classmethod
    def of(cls, plan: Plan) -> Sent:
        """Return what a plan is made of."""
        return cls(plan.layers, plan.temporal, {placed.site.name: placed.neuron for placed in plan.placements})

    def plan(self, graph: Graph) -> Plan:
        """Return the plan."""
        plan = place(graph, self.layers, temporal=self.temporal)
        for placed in plan.placements:
            neuron = self.neurons[placed.site.name]
            if neuron != placed.neuron and not isinstance(neuron, Keep):
                plan = plan.with_neuron(placed.site.name, neuron)
        return plan


def search_once(ranks: Ranks, search: Callable[[], SearchResult], graph: Graph) -> SearchResult:
    """Return what a search finds; in all processes but the first one, its plan without record and files."""
    if ranks.count == 1:
        return search()
    found = search() if ranks.rank == 0 else None
    sent: Sent = ranks.gather(Sent.of(found.plan) if found else None)[0]
    return found or SearchResult(sent.plan(graph))
