"""Search in the first of several processes alone, let the others have its plan, and see that all made one network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from snnfw.capture.graph import Graph
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Neuron, Rule
from snnfw.ranks.group import Ranks, require_same
from snnfw.search.results import SearchResult
from snnfw.spiking.model import SpikingModel
from snnfw.store.fingerprint import Fingerprints
from snnfw.values import ExitRule, Keep


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


def agree_on_model(ranks: Ranks, model: SpikingModel, rule: ExitRule | None) -> None:
    """Refuse to run one model in one process and another one in another: each has made its own."""
    if ranks.count == 1:
        return
    keys = Fingerprints()
    require_same(ranks, "the spiking network", keys.key(dict(model.state_dict())))
    require_same(ranks, "who may leave early", keys.key(rule.record() if rule else None))
