"""Turn a delta-coded recipe into that of its quantised network."""

from __future__ import annotations

from dataclasses import replace

from snnfw.errors import SnnfwError
from snnfw.planning.coding import coding_of
from snnfw.planning.rules import Neuron, Rule
from snnfw.values import DELTA, Keep


def settle(layers: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Return the rules with neurons that hold nothing back: after one timestep they have settled.

    Raises:
        SnnfwError: a neuron is rate coded, or offers no ``settled()``.

    """
    return tuple(rule if isinstance(rule.neuron, Keep) else replace(rule, neuron=_settled(rule)) for rule in layers)


def _settled(rule: Rule) -> Neuron:
    neuron, settled = rule.neuron, getattr(rule.neuron, "settled", None)
    if coding_of(neuron) != DELTA or settled is None:
        raise SnnfwError(
            f"settled=true asks for the network at which a delta-coded one settles, and neuron '{neuron.name}' of rule "
            f"'{rule}' is {coding_of(neuron)} coded: choose plugin=sigmadelta, or leave settled out."
        )
    made: Neuron = settled()
    return made
