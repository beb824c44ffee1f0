"""Hold an energy model against its contract, on the operators and neurons of a small network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from snnfw.checks.faults import faults_or_failure, pickle_faults
from snnfw.checks.toy import TIMESTEPS, ToyNeuron, make_toy
from snnfw.energy.inventory import Inventory, take_inventory
from snnfw.energy.model import EnergyModel
from snnfw.errors import describe_type
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule

COUNTS = (0.0, 100.0, 200.0)
"""Events, evenly spaced, of which the cost has to be affine."""


def check_energy_model(model: EnergyModel) -> list[str]:
    """Return the faults of an energy model, in sentences; empty when it has none."""
    return [*pickle_faults(model), *faults_or_failure(lambda: _faults(model), "charging a small network")]


def _faults(model: EnergyModel) -> Iterator[str]:
    trial = make_toy()
    inventory = take_inventory(trial.graph, place(trial.graph, (Rule("*", ToyNeuron()),)))
    if getattr(model, "static", "once") not in ("once", "per_step"):
        yield "its 'static' is neither 'once' nor 'per_step'."
    asked: dict[str, object] = dict(_answers(model, inventory))
    answers: dict[str, Mapping[str, float]] = {}
    for what, parts in asked.items():
        if isinstance(parts, Mapping):
            answers[what] = parts
            yield from _part_faults(what, parts)
        else:
            yield f"{what} returns {describe_type(parts)}: it must return a mapping, picojoules by what they are for."
    if len(answers) == len(asked) and all(map(_are_numbers, answers.values())):
        yield from _law_faults({what: sum(parts.values()) for what, parts in answers.items()})


def _answers(model: EnergyModel, inventory: Inventory) -> Iterator[tuple[str, object]]:
    """Yield what a model answers, by the method and with what it was asked."""
    first, *others = inventory.operations
    reading, neurons = next(each for each in others if each.events), inventory.populations[0]
    yield from ((f"multiply({bits} bits)", model.multiply(first, bits)) for bits in (1, 8, 32))
    yield from ((f"accumulate({count:g})", model.accumulate(reading, count, TIMESTEPS)) for count in COUNTS)
    yield from ((f"fire({count:g})", model.fire(neurons, count, TIMESTEPS)) for count in COUNTS)


def _part_faults(what: str, parts: Mapping[str, Any]) -> Iterator[str]:
    for part, value in parts.items():
        if not isinstance(part, str) or not _is_number(value):
            yield f"{what} returns {part!r}: {value!r}: a part has a name and a finite number of picojoules, 0 or more."
            return


def _law_faults(totals: Mapping[str, float]) -> Iterator[str]:
    """See that more bits cost no less, and that every event costs the same."""
    if not totals["multiply(1 bits)"] <= totals["multiply(8 bits)"] <= totals["multiply(32 bits)"]:
        yield "multiply() makes fewer bits dearer: the quantised network would cost more than the network itself."
    for method in ("accumulate", "fire"):
        none, some, twice = (totals[f"{method}({n:g})"] for n in COUNTS)
        if not math.isclose(twice - some, some - none, rel_tol=1e-6, abs_tol=1e-9 * (1 + none)):
            yield (
                f"{method}() is not affine in the events: twice as many must add twice as much, or break-even rates "
                "and what a site's events cost mean nothing."
            )
        elif some < none:
            yield f"{method}() makes events cheaper than none."


def _are_numbers(parts: Mapping[str, Any]) -> bool:
    return all(map(_is_number, parts.values()))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= 0
