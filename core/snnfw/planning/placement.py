"""Place neurons by a recipe and settle every operator's fate."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from importlib import import_module

from torch import fx

from snnfw.capture import operators as table
from snnfw.capture.graph import Graph
from snnfw.capture.sites import IDENTITY, overload_packet
from snnfw.capture.survey import operator_name
from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.planning.coding import require_one_coding
from snnfw.planning.encoders import is_needed
from snnfw.planning.kinds import Kind, accumulates, carries_events, kind_over_time
from snnfw.planning.matching import match_rules, require_accepted, require_used
from snnfw.planning.rules import Neuron, Rule
from snnfw.planning.silent import silent_nodes
from snnfw.values import RATE, Keep, Site

VARYING = (None, Kind.SPIKING, Kind.LINEAR, Kind.MAXIMUM, Kind.ANALOG)
"""What varies in time before it is known whether a neuron follows; None for what has no kind in front of one."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The neuron at one site, and the rule that put it there."""

    site: Site
    neuron: Neuron | Keep
    rule: Rule


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one operator.

    ``events`` is true where its MACs are accumulations of events rather than multiplications. ``placement`` is set at
    sites.
    """

    node: str
    operator: str
    path: str
    kind: Kind
    macs: int
    events: bool = False
    placement: Placement | None = None

    @property
    def repeats(self) -> bool:
        """Tell whether its MACs are multiplied at every timestep: it reads currents, or products of streams."""
        return self.macs > 0 and not self.events and self.kind not in (Kind.STATIC, Kind.READOUT)


@dataclass(frozen=True, slots=True)
class Plan:
    """Every operator's fate and every site's neuron, in the order of execution.

    ``carriers`` are the operators whose results are made of events, ``silent`` those that hold nothing but zeros.
    ``temporal`` says that the input is another one at each timestep, so that nothing behind it runs once. ``coding`` is
    the one that all neurons speak: in ``rate`` the mean of a stream over time is its value, in ``delta`` the sum.
    """

    layers: tuple[Rule, ...]
    fates: Mapping[str, Fate]
    carriers: frozenset[str]
    temporal: bool = False
    silent: frozenset[str] = frozenset()
    coding: str = RATE

    @property
    def placements(self) -> tuple[Placement, ...]:
        """Return the placement at every site."""
        return tuple(fate.placement for fate in self.fates.values() if fate.placement)

    @property
    def macs(self) -> int:
        """Return the network's MACs for one sample, or for one frame of it."""
        return sum(fate.macs for fate in self.fates.values())

    @property
    def spiking_share(self) -> float:
        """Return the share of the network's MACs that become accumulations of events, from 0 to 1."""
        return sum(fate.macs for fate in self.fates.values() if fate.events) / self.macs if self.macs else 0.0

    @property
    def multiplied(self) -> tuple[Fate, ...]:
        """Return the operators that multiply at every timestep."""
        return tuple(fate for fate in self.fates.values() if fate.repeats)

    @property
    def multiplied_share(self) -> float:
        """Return the share of the network's MACs that are multiplied at every timestep, from 0 to 1."""
        return sum(fate.macs for fate in self.multiplied) / self.macs if self.macs else 0.0

    @property
    def analog(self) -> tuple[Fate, ...]:
        """Return the analog part: operators without a neuron in the middle, and sites that are kept."""
        return tuple(
            fate
            for fate in self.fates.values()
            if fate.kind is Kind.ANALOG or (fate.placement and isinstance(fate.placement.neuron, Keep))
        )

    def __str__(self) -> str:
        told: str = import_module("snnfw.report.notebook").plan_text(self)
        return told

    def _repr_html_(self) -> str:
        notebook = import_module("snnfw.report.notebook")  # tables are made of plans, so that no plan can know them
        shown: str = notebook.plan_table(self)
        return shown

    def with_neuron(self, site: str, neuron: Neuron) -> Plan:
        """Return the plan with another neuron at a site that has one."""
        node, fate = next((n, f) for n, f in self.fates.items() if f.placement and f.placement.site.name == site)
        if fate.placement is None or isinstance(fate.placement.neuron, Keep):
            raise SnnfwError(f"site '{site}' is kept analog: place a neuron there with a rule first.")
        require_accepted(neuron, fate.placement.site)
        changed = replace(fate, placement=replace(fate.placement, neuron=neuron))
        plan = replace(self, fates={**self.fates, node: changed})
        return replace(plan, coding=require_one_coding((p.site, p.neuron) for p in plan.placements))


def place(graph: Graph, layers: tuple[Rule, ...], temporal: bool = False) -> Plan:
    """Return the plan: the first rule that matches a site wins, and every operator follows from that.

    With ``temporal`` the input varies in time.

    Raises:
        SnnfwError: a rule places nothing and is not optional, no rule covers a site, a neuron does not stand in for the
            activation, neurons of two codings are mixed, or an operator between neurons has no meaning over time.

    """
    if not isinstance(graph, Graph):
        raise wrong_kind_error("what to place neurons in", graph, "what capture(model, example) returns")
    if not (isinstance(layers, tuple | list) and all(isinstance(rule, Rule) for rule in layers)):
        raise wrong_kind_error("the recipe", layers, "a tuple of rules, such as (Rule('*', AdaFire()),)")
    offered = {site.node: Placement(site, rule.neuron, rule) for site, rule in match_rules(graph, layers)}
    certain = [placement for placement in offered.values() if placement.site.activation != IDENTITY]
    coding = require_one_coding((placement.site, placement.neuron) for placement in certain or offered.values())
    silent = silent_nodes(graph)
    placements, events, varying, kinds = _follow(graph, offered, temporal, coding, silent)
    require_one_coding((placement.site, placement.neuron) for placement in placements.values())
    require_used(graph, layers, [placement.rule for placement in placements.values()])
    fates = {
        node.name: Fate(
            node=node.name,
            operator=operator_name(node),
            path=graph.paths[node.name],
            kind=kinds[node],
            macs=graph.macs.get(node.name, 0),
            events=node in varying and accumulates(node, varying, events, coding),
            placement=placements.get(node.name),
        )
        for node in graph.nodes
    }
    carriers, zeros = (frozenset(node.name for node in nodes) for nodes in (events, silent))
    return Plan(layers, fates, carriers, temporal, zeros, coding)


def _follow(
    graph: Graph, offered: Mapping[str, Placement], temporal: bool, coding: str, silent: Set[fx.Node]
) -> tuple[dict[str, Placement], set[fx.Node], set[fx.Node], dict[fx.Node, Kind]]:
    """Return the placements that are needed, the nodes that carry events, those that vary, and every node's kind."""
    encoders = {node for node, placement in offered.items() if placement.site.activation == IDENTITY}
    placements = {node: placement for node, placement in offered.items() if node not in encoders}
    without = _vary(graph, placements, temporal)
    varying: set[fx.Node] = set(graph.inputs) if temporal else set()
    found: dict[fx.Node, Kind | None] = {}
    events: set[fx.Node] = set()
    unsettled: set[fx.Node] = set()
    for node in graph.nodes:
        settled = not any(read in unsettled for read in node.all_input_nodes)
        if node.name in encoders and settled and is_needed(node, without, events, silent, coding, graph.macs):
            placements[node.name] = offered[node.name]
        found[node] = _kind(node, graph, placements, varying)
        if found[node] in VARYING:
            varying.add(node)
        if node in varying and (found[node] is None or not settled):
            unsettled.add(node)
        if found[node] is Kind.SPIKING or (node in varying and carries_events(node, varying, events, silent)):
            events.add(node)
        if found[node] is Kind.ANALOG and accumulates(node, varying, events, coding):
            found[node] = Kind.PRODUCT
    return placements, events, varying, _settle(graph, varying, found)


def _vary(graph: Graph, placements: Mapping[str, Placement], temporal: bool) -> set[fx.Node]:
    """Return the nodes that vary in time."""
    varying: set[fx.Node] = set(graph.inputs) if temporal else set()
    for node in graph.nodes:
        if _kind(node, graph, placements, varying) in VARYING:
            varying.add(node)
    return varying


def _settle(graph: Graph, varying: Set[fx.Node], found: Mapping[fx.Node, Kind | None]) -> dict[fx.Node, Kind]:
    """Return every node's kind: what feeds no neuron is read out, and what does must be known."""
    feeds = _feed_neurons(graph, found)
    for node, kind in found.items():
        if kind is None and node in feeds:
            raise _unsupported(node, graph)
    fixed = (Kind.SPIKING, Kind.INPUT)
    return {
        node: kind if kind and (node not in varying or node in feeds or kind in fixed) else Kind.READOUT
        for node, kind in found.items()
    }


def _kind(node: fx.Node, graph: Graph, placements: Mapping[str, Placement], varying: set[fx.Node]) -> Kind | None:
    fixed = {"placeholder": Kind.INPUT, "get_attr": Kind.CONSTANT, "output": Kind.OUTPUT}
    if node.op in fixed:
        return fixed[node.op]
    if node.name in graph.sizes:
        return Kind.SIZE
    placement = placements.get(node.name)
    if placement and not isinstance(placement.neuron, Keep):
        return Kind.SPIKING
    if not any(read in varying for read in node.all_input_nodes):
        return Kind.STATIC
    if overload_packet(node) in table.SHAPES_ONLY and graph.where[node.name] is None:
        return Kind.STATIC
    return kind_over_time(node, varying)


def _feed_neurons(graph: Graph, kinds: Mapping[fx.Node, Kind | None]) -> set[fx.Node]:
    """Return the nodes from which a neuron can be reached, other than through sizes."""
    feeding: set[fx.Node] = set()
    for node in reversed(graph.nodes):
        for user in node.users:
            if kinds[user] is Kind.SPIKING or (user in feeding and kinds[user] not in (Kind.SIZE, Kind.STATIC)):
                feeding.add(node)
    return feeding


def _unsupported(node: fx.Node, graph: Graph) -> SnnfwError:
    return SnnfwError(
        f"operator '{operator_name(node)}' at '{graph.paths[node.name] or 'the top of the network'}' reads a stream of "
        "spikes and has no meaning over time there: keep the sites before it analog, or move it behind the last "
        "activation."
    )
