"""Propose candidates: methods at other timesteps, with knobs turned, with exits, with other neurons layer by layer."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from snnfw.config.fields import as_plain, format_value
from snnfw.config.recipe import plain_rule
from snnfw.config.schema import MethodConfig
from snnfw.contracts import ExitPolicy, Search
from snnfw.knobs import directions, vary
from snnfw.planning.placement import Plan
from snnfw.planning.rules import Neuron, Rule
from snnfw.report.summary import describe_method
from snnfw.tuning.values import Candidate
from snnfw.values import Keep

NOTCHES = 2
"""Values of a knob that are tried in each direction."""


def at_timesteps(candidate: Candidate, timesteps: int) -> Candidate:
    """Return the candidate for another number of timesteps."""
    return _changed(candidate, "", timesteps=timesteps)


def plain_method(config: MethodConfig) -> dict[str, Any]:
    """Return what makes up a method as plain values, from which it is resolved again."""
    return {
        "plugin": config.plugin,
        "layers": [plain_rule(rule) for rule in config.layers],
        "converter": as_plain(config.converter),
        "search": as_plain(config.search) if config.search else None,
        "exit": as_plain(config.exit) if config.exit else None,
        "timesteps": config.timesteps,
        "checkpoints": [config.timesteps],
        "fitting": config.fitting,
    }


def turn_knobs(candidate: Candidate, plan: Plan, steps: Iterable[int]) -> Iterator[Candidate]:
    """Yield the candidate with each knob turned by some notches: of its neurons, converter, exit, and its timesteps."""
    config = candidate.config
    for timesteps in steps:
        yield at_timesteps(candidate, timesteps)
    for neuron in placed_neurons(plan):
        for words, changed in _turns(neuron, neuron.name):
            layers = tuple(replace(rule, neuron=changed) if rule.neuron == neuron else rule for rule in config.layers)
            yield _changed(candidate, words, layers=layers)
    for words, changed in _turns(config.converter, "converter", switches=True):
        yield _changed(candidate, words, converter=changed)
    for words, changed in _turns(config.exit, "exit") if config.exit else ():
        yield _changed(candidate, words, exit=changed)


def placed_neurons(plan: Plan) -> tuple[Neuron, ...]:
    """Return the neurons of a plan, each once."""
    placed = (placement.neuron for placement in plan.placements)
    return tuple(dict.fromkeys(neuron for neuron in placed if not isinstance(neuron, Keep)))


def _turns(method: Any, key: str, switches: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield the method with each knob turned, in words; with ``switches`` those alone that choose, and no numbers."""
    for name, values in directions(method):
        if switches and not isinstance(getattr(method, name), bool | str):
            continue
        for value, changed in vary(method, name, islice(values, NOTCHES)):
            yield f"{key}.{name}={format_value(value)}", changed


def _changed(candidate: Candidate, words: str, **changes: Any) -> Candidate:
    """Return the candidate with something changed, and a name that says what."""
    own = candidate.config.timesteps
    timesteps = changes.get("timesteps", own)
    checkpoints = (timesteps,)
    config = replace(candidate.config, **{**changes, "checkpoints": checkpoints, "resolved": {}})
    rest = candidate.name.removeprefix(f"{candidate.family}, T={own}")
    return Candidate(f"{candidate.family}, T={timesteps}{rest}{words and f', {words}'}", candidate.family, config)


def with_exits(candidate: Candidate, exits: Sequence[ExitPolicy]) -> Iterator[Candidate]:
    """Yield the candidate with each exit policy, where it has timesteps to save and none yet."""
    if candidate.config.timesteps < 2 or candidate.config.exit is not None:
        return
    for policy in exits:
        yield _changed(candidate, f"exit={describe_method(policy)}", exit=policy)


def with_stages(candidate: Candidate, stages: Mapping[str, Search | ExitPolicy]) -> Iterator[Candidate]:
    """Yield the candidate with the search that its paper combines it with, alone and together with the exit."""
    if "search" not in stages or candidate.config.exit is not None:
        return
    yield _changed(candidate, "its own search", search=stages["search"])
    if "exit" in stages and candidate.config.timesteps > 1:
        yield _changed(candidate, "its own search and exit", search=stages["search"], exit=stages["exit"])


def with_plan(candidate: Candidate, plan: Plan, words: str) -> Candidate:
    """Return the candidate with the neurons of a plan, a rule for each site."""
    layers = tuple(
        Rule(glob.escape(placement.site.name), placement.neuron, activation=placement.site.activation)
        for placement in plan.placements
    )
    return _changed(candidate, words, layers=layers)


def midway(timesteps: int, tried: Iterable[int], most: int | None) -> tuple[int, ...]:
    """Return the numbers of timesteps half way to those tried below and above."""
    tried = sorted(set(tried) | {timesteps})
    below = [step for step in tried if step < timesteps]
    above = [step for step in tried if step > timesteps]
    found = [(timesteps + below[-1]) // 2] if below else [timesteps // 2]
    found.append((timesteps + above[0]) // 2 if above else timesteps * 2)
    return tuple(
        step for step in dict.fromkeys(found) if step >= 1 and step not in tried and (most is None or step <= most)
    )
