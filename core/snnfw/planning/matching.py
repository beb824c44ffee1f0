"""Match a recipe's rules with the sites of a network: the first rule that takes a site wins."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from snnfw.capture.graph import Graph
from snnfw.capture.sites import GATES, IDENTITY
from snnfw.errors import SnnfwError
from snnfw.planning.rules import Neuron, Rule
from snnfw.values import Keep, Site


def match_rules(graph: Graph, layers: tuple[Rule, ...]) -> list[tuple[Site, Rule]]:
    """Return every site with the first rule that takes it, in the order of execution.

    Encoders are among them wherever a rule names them; which of them are needed is for the plan to say.

    Raises:
        SnnfwError: there is no site, no rule covers one, or a neuron does not stand in for the activation.

    """
    sites = _offered_sites(graph, layers)
    if not sites:
        raise SnnfwError("the network has no activation function that a neuron could stand in for.")
    return [(site, _first_rule(site, layers)) for site in sites]


def require_used(graph: Graph, layers: tuple[Rule, ...], used: Iterable[Rule]) -> None:
    """Raise an SnnfwError where a rule that is not optional has placed nothing."""
    found = {id(rule) for rule in used}
    for rule in layers:
        if id(rule) not in found and not rule.optional:
            raise _places_nothing(rule, graph, _offered_sites(graph, layers))


def require_accepted(neuron: Neuron, site: Site) -> None:
    """Raise an SnnfwError unless a neuron stands in for the activation at a site."""
    if neuron.activations and site.activation not in neuron.activations:
        raise SnnfwError(
            f"neuron '{neuron.name}' stands in for {', '.join(neuron.activations)} and not for the {site.activation} "
            f"at '{site.name}': give that site a rule of its own, with neuron tracking or keep."
        )


def _offered_sites(graph: Graph, layers: tuple[Rule, ...]) -> tuple[Site, ...]:
    """Return every site, and the gates that a rule takes by the name of their function, in the order of execution."""
    taken = [gate for gate in graph.gates if any(rule.activation and _matches(rule, gate) for rule in layers)]
    order = {node.name: index for index, node in enumerate(graph.nodes)}
    return tuple(sorted((*graph.sites, *taken), key=lambda site: order[site.node]))


def _first_rule(site: Site, layers: tuple[Rule, ...]) -> Rule:
    rule = next((rule for rule in layers if _rule_takes(rule, site)), None)
    if rule is None:
        raise SnnfwError(
            f"no rule covers site '{site.name}' ({site.activation}): add a rule that matches it, such as "
            f'{{match: "{site.name}", neuron: keep}}.'
        )
    if not isinstance(rule.neuron, Keep):
        require_accepted(rule.neuron, site)
    return rule


def _rule_takes(rule: Rule, site: Site) -> bool:
    """Tell whether a rule places its neuron at a site; a gate is taken by its function's name only."""
    return _matches(rule, site) and (rule.activation is not None or site.activation not in GATES.values())


def _matches(rule: Rule, site: Site) -> bool:
    return fnmatchcase(site.name, rule.match) and rule.activation in (None, site.activation)


def _places_nothing(rule: Rule, graph: Graph, sites: tuple[Site, ...]) -> SnnfwError:
    matched = [site.name for site in sites if _rule_takes(rule, site)]
    encoders = [site.name for site in graph.gates if site.activation == IDENTITY]
    if matched and rule.activation == IDENTITY:
        why = f"what is read at {', '.join(matched[:3])} is made of events already, or does not vary in time"
    elif matched:
        why = f"every site it matches ({', '.join(matched[:3])}) is taken by a rule before it"
    elif rule.activation == IDENTITY:
        there = f"{', '.join(encoders[:3])} ..." if encoders else "none in this network"
        why = f"it matches none of the encoders ({there})"
    else:
        at = ", ".join(site.name for site in sites[:3])
        functions = sorted({site.activation for site in sites if fnmatchcase(site.name, rule.match)})
        wanted = (
            f", whose activation is {' or '.join(functions)}, not {rule.activation}"
            if functions and rule.activation
            else ""
        )
        why = f"it matches none of the {len(sites)} sites ({at} ...){wanted}"
    return SnnfwError(f"rule '{rule}' places nothing: {why}. Correct it, remove it, or say optional: true.")
