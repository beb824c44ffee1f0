"""Place neurons by a recipe and settle every operator's fate."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from importlib import import_module

from torch import fx

from snnfw.capture.graph import Graph
from snnfw.capture.sites import overload_packet
from snnfw.capture.survey import operator_name
from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.planning import operators as table
from snnfw.planning.kinds import Kind, carries_events, kind_over_time
from snnfw.planning.matching import match_rules, require_accepted
from snnfw.planning.rules import Neuron, Rule
from snnfw.planning.silent import silent_nodes
from snnfw.values import Keep, Site


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
    ``temporal`` says that the input is another one at each timestep, so that nothing behind it runs once.
    """

    layers: tuple[Rule, ...]
    fates: Mapping[str, Fate]
    carriers: frozenset[str]
    temporal: bool = False
    silent: frozenset[str] = frozenset()

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
        return replace(self, fates={**self.fates, node: changed})


def place(graph: Graph, layers: tuple[Rule, ...], temporal: bool = False) -> Plan:
    """Return the plan: the first rule that matches a site wins, and every operator follows from that.

    With ``temporal`` the input varies in time.

    Raises:
        SnnfwError: a rule places nothing and is not optional, no rule covers a site, a neuron does not stand in for the
            activation, or an operator between neurons has no meaning over time.

    """
    if not isinstance(graph, Graph):
        raise wrong_kind_error("what to place neurons in", graph, "what capture(model, example) returns")
    if not (isinstance(layers, tuple | list) and all(isinstance(rule, Rule) for rule in layers)):
        raise wrong_kind_error("the recipe", layers, "a tuple of rules, such as (Rule('*', AdaFire()),)")
    matched = match_rules(graph, layers)
    placements = {site.node: Placement(site, rule.neuron, rule) for site, rule in matched}
    varying, kinds = _classify(graph, placements, temporal)
    silent = silent_nodes(graph)
    events = _event_carriers(graph, varying, kinds, silent)
    fates = {
        node.name: Fate(
            node=node.name,
            operator=operator_name(node),
            path=graph.paths[node.name],
            kind=kinds[node],
            macs=graph.macs.get(node.name, 0),
            events=node in varying and _accumulates(node, varying, events),
            placement=placements.get(node.name),
        )
        for node in graph.nodes
    }
    carriers, zeros = (frozenset(node.name for node in nodes) for nodes in (events, silent))
    return Plan(layers, fates, carriers, temporal, zeros)


def _classify(
    graph: Graph, placements: Mapping[str, Placement], temporal: bool
) -> tuple[set[fx.Node], dict[fx.Node, Kind]]:
    """Return the nodes that vary in time, and every node's kind."""
    varying: set[fx.Node] = set(graph.inputs) if temporal else set()
    kinds: dict[fx.Node, Kind] = {}
    unsettled: list[fx.Node] = []
    for node in graph.nodes:
        kind = _kind(node, graph, placements, varying)
        if kind is None:
            unsettled.append(node)
        kinds[node] = kind or Kind.READOUT
        if kinds[node] in (Kind.SPIKING, Kind.LINEAR, Kind.MAXIMUM, Kind.ANALOG, Kind.READOUT):
            varying.add(node)
    feeds = _feed_neurons(graph, kinds)
    for node in varying:
        if node not in feeds and kinds[node] not in (Kind.SPIKING, Kind.INPUT):
            kinds[node] = Kind.READOUT
    for node in unsettled:
        if node in feeds:
            raise _unsupported(node, graph)
    return varying, kinds


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


def _feed_neurons(graph: Graph, kinds: Mapping[fx.Node, Kind]) -> set[fx.Node]:
    """Return the nodes from which a neuron can be reached, other than through sizes."""
    feeding: set[fx.Node] = set()
    for node in reversed(graph.nodes):
        for user in node.users:
            if kinds[user] is Kind.SPIKING or (user in feeding and kinds[user] not in (Kind.SIZE, Kind.STATIC)):
                feeding.add(node)
    return feeding


def _event_carriers(
    graph: Graph, varying: set[fx.Node], kinds: Mapping[fx.Node, Kind], silent: Set[fx.Node]
) -> set[fx.Node]:
    events: set[fx.Node] = set()
    for node in graph.nodes:
        if kinds[node] is Kind.SPIKING or (node in varying and carries_events(node, varying, events, silent)):
            events.add(node)
    return events


def _accumulates(node: fx.Node, varying: set[fx.Node], events: set[fx.Node]) -> bool:
    streams = [read for read in node.all_input_nodes if read in varying]
    linear = kind_over_time(node, varying) is Kind.LINEAR
    return linear and overload_packet(node) in table.PRODUCTS and all(read in events for read in streams)


def _unsupported(node: fx.Node, graph: Graph) -> SnnfwError:
    return SnnfwError(
        f"operator '{operator_name(node)}' at '{graph.paths[node.name] or 'the top of the network'}' reads a stream of "
        "spikes and has no meaning over time there: keep the sites before it analog, or move it behind the last "
        "activation."
    )
