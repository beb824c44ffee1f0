"""Make the rules of a recipe: which neuron stands where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snnfw.config.fields import as_choice, as_plain, build_dataclass, format_value
from snnfw.config.methods import build_method, choose_optional
from snnfw.config.named import list_methods
from snnfw.config.recipe import plain_rule
from snnfw.errors import SnnfwError, did_you_mean
from snnfw.planning.rules import Rule

if TYPE_CHECKING:
    from snnfw.config.gather import ConfigLayers
    from snnfw.config.sources import Plain
    from snnfw.registry import Registry

RULE_KEYS = ("match", "neuron", "activation", "optional")


@dataclass(frozen=True, slots=True)
class Selector:
    """Which sites a rule is for."""

    match: str
    activation: str | None = None
    optional: bool = False


def build_layers(registry: Registry, values: Plain, gathered: ConfigLayers) -> tuple[tuple[Rule, ...], Plain]:
    """Return the rules, and the same as plain values: ``layers`` and the ``neuron`` that some follow."""
    lines = _lines(values)
    neuron = None
    if any(line.get("neuron") is None for line in lines):
        neuron = choose_optional(registry, values, "neuron")
        if neuron is None:
            raise _no_neuron_error(registry)
    elif gathered.uppermost("neuron") >= gathered.uppermost("layers"):
        raise _no_effect_error(gathered.layers[gathered.uppermost("neuron")]["neuron"])
    rules, written = [], []
    for number, line in enumerate(lines):
        rule = build_rule(registry, f"layers[{number}]", line, neuron)
        rules.append(rule)
        written.append(plain_rule(rule, named=line.get("neuron") is not None))
    return tuple(rules), {**({"neuron": as_plain(neuron)} if neuron else {}), "layers": written}


def _lines(values: Plain) -> list[Plain]:
    """Return the rules as they were written; a neuron alone stands everywhere."""
    lines = values.get("layers")
    if lines is None:
        return [{"match": "*"}]
    if not isinstance(lines, list) or not lines or not all(isinstance(line, dict) for line in lines):
        raise SnnfwError(
            f"layers={format_value(lines)} is not allowed: "
            "it must be a list of rules, like [{match: '*', neuron: if}]."
        )
    return lines


def build_rule(registry: Registry, place: str, line: Plain, followed: Any) -> Rule:
    """Return the rule of one line; ``followed`` is the neuron of a line that names none."""
    listing = ", ".join(RULE_KEYS)
    for key in line:
        if key not in RULE_KEYS:
            raise SnnfwError(f"{place} has no key '{key}'.{did_you_mean(str(key), RULE_KEYS)} Its keys: {listing}.")
    selector = build_dataclass(Selector, {key: value for key, value in line.items() if key != "neuron"}, place, place)
    own = as_choice(f"{place}.neuron", line.get("neuron"))
    if own is not None and "name" not in own:
        raise SnnfwError(f"{place}.neuron has no name: give it one, or leave the neuron out to follow neuron=NAME.")
    neuron = followed if own is None else build_method(registry, "neurons", f"{place}.neuron", own)
    return Rule(selector.match, neuron, selector.activation, selector.optional)


def _no_neuron_error(registry: Registry) -> SnnfwError:
    return SnnfwError(
        f"nothing says which neuron to use: give plugin=NAME, neuron=NAME or recipe=FILE. {list_methods(registry)}"
    )


def _no_effect_error(neuron: Plain) -> SnnfwError:
    key, value = next(iter(neuron.items()))
    word = f"neuron={value}" if key == "name" else f"neuron.{key}={format_value(value)}"
    return SnnfwError(
        f"{word} has no effect: every rule of the layers names its own neuron. Leave the neuron out of the "
        "rules that it is meant for."
    )
