"""Turn the knobs at a bad layer, one at a time, convert again, and see what each does to the error."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import Any, TypeAlias

from snnfw.config.fields import as_plain, format_value
from snnfw.config.recipe import plain_rule
from snnfw.contracts import Preset
from snnfw.conversion.converter import Converter
from snnfw.diagnosis.findings import BAD, Diagnosis, SiteError, Trial, best_of
from snnfw.diagnosis.splitting import split_errors
from snnfw.errors import SnnfwError
from snnfw.knobs import directions, vary
from snnfw.planning.placement import Plan
from snnfw.planning.rules import Neuron, Rule
from snnfw.report.summary import describe_method
from snnfw.spiking.model import SpikingModel
from snnfw.values import Batches, Inputs, Keep, Resources

Convert: TypeAlias = Callable[[Plan, Converter, int], SpikingModel]
"""Convert a plan with a converter for so many timesteps."""

FURTHER = 6
"""Notches that a knob is turned in one direction, as long as each helps."""

HELPS = 0.98
"""What must be left of an error at most, for a notch to be worth another one."""


@dataclass(frozen=True, slots=True)
class Patient:
    """A spiking network's plan and conversion, and the samples that it is diagnosed on.

    Data made of frames has no more timesteps than these, ``most_timesteps``. ``others`` are neurons that may be tried
    in place of its own.
    """

    plan: Plan
    converter: Converter
    timesteps: int
    convert: Convert
    batches: Batches[Inputs]
    samples: int
    resources: Resources
    most_timesteps: int | None = None
    others: tuple[Neuron, ...] = ()


@dataclass(frozen=True, slots=True)
class _Turn:
    """A knob, turned: in words, how to ask for it, what it makes of the patient, and the words for it everywhere."""

    words: str
    how: str
    patient: Patient
    everywhere: str = ""


def try_cures(patient: Patient, found: Diagnosis, tries: int, seconds: float) -> Diagnosis:
    """Return the diagnosis with what was tried at its first bad site; nothing is tried where none is bad.

    Every knob is a parameter of the site's neuron, of the converter, or the number of timesteps; it is turned notch by
    notch as long as the site's error falls, until it is good. What mends the site is tried everywhere too. Where it is
    enough to convert again, somebody has changed the network since, and nothing else is tried. At most ``tries``
    conversions, and none begins after ``seconds``.
    """
    bad = found.bad
    if bad is None or not tries:
        return found
    end = time.perf_counter() + seconds
    again = _Turn("converting again as it is", "Its neurons or weights were changed since.", patient)
    anew = _try(again, bad.site)
    tried = [(again, anew)] if anew else []
    if anew and anew.mends:
        return replace(found, tried=(anew,))
    for turns in _ways(patient, bad, lambda: any(trial.mends for _, trial in tried)):
        _turn_further(turns, bad, tried, lambda: len(tried) < tries and time.perf_counter() < end)
    whole = len(tried) < tries and time.perf_counter() < end
    best = best_of((trial for _, trial in tried), bad)
    turn = next((turn for turn, trial in tried if trial is best), None)
    if turn and turn.everywhere:
        spread = _Turn(turn.everywhere, "", _place_everywhere(patient, bad.site, turn.patient.plan))
        trial = _try(spread, bad.site)
        tried += [(spread, replace(trial, everywhere=True))] if trial else []
    note = f"Not every knob was turned: it stopped after {len(tried)} conversions (tries={tries}, {seconds:g} s)."
    notes = (*found.notes, *([] if whole else [note]))
    return replace(found, tried=tuple(trial for _, trial in tried), notes=notes)


def _turn_further(
    turns: Iterator[_Turn], bad: SiteError, tried: list[tuple[_Turn, Trial]], goes_on: Callable[[], bool]
) -> None:
    """Turn a knob in one direction, a notch at a time, as long as the site's error falls."""
    error = bad.error
    for turn in islice(turns, FURTHER):
        trial = _try(turn, bad.site) if goes_on() else None
        if trial is None:
            return
        tried.append((turn, trial))
        dead = bad.lost == 1.0 and trial.error == error  # far from where anything is sent, and perhaps nearer to it
        if trial.own < BAD / 2 or (trial.error > HELPS * error and not dead):
            return
        error = trial.error


def _place_everywhere(patient: Patient, site: str, changed: Plan) -> Patient:
    """Return the patient with the neuron of one site of a changed plan wherever the one that was there is."""
    kind, neuron = type(_neuron_at(patient.plan, site)), _neuron_at(changed, site)
    plan = patient.plan
    for placement in patient.plan.placements:
        if type(placement.neuron) is kind:
            plan = plan.with_neuron(placement.site.name, neuron)
    return replace(patient, plan=plan)


def _neuron_at(plan: Plan, site: str) -> Neuron:
    return next(
        placement.neuron
        for placement in plan.placements
        if placement.site.name == site and not isinstance(placement.neuron, Keep)
    )


def _try(turn: _Turn, site: str) -> Trial | None:
    """Return what a turned knob does; None where the method does not allow it."""
    patient = turn.patient
    try:
        model = patient.convert(patient.plan, patient.converter, patient.timesteps)
    except SnnfwError:
        return None
    then = split_errors(model, patient.batches, patient.resources.memory, patient.samples)
    there = next(each for each in then.sites if each.site == site)
    return Trial(turn.words, turn.how, there.error, there.own, then.output, then.events)


def _ways(patient: Patient, bad: SiteError, is_mended: Callable[[], bool]) -> Iterator[Iterator[_Turn]]:
    """Yield every direction in which a knob can be turned, as the turns in it; other neurons where none has mended."""
    neuron = _neuron_at(patient.plan, bad.site)
    yield from _turns_of_neuron(patient, neuron, bad.site)
    if not is_mended():
        yield from _other_neurons(patient, neuron, bad.site)
    longer = [patient.timesteps * 2**power for power in range(1, FURTHER + 1)]
    if patient.most_timesteps is not None:
        longer = [steps for steps in longer if steps <= patient.most_timesteps]
    if longer:
        yield (_Turn(f"timesteps={steps}", "", replace(patient, timesteps=steps)) for steps in longer)
    for name, values in directions(patient.converter):
        yield (
            _Turn(f"converter.{name}={format_value(value)}", "", replace(patient, converter=converter))
            for value, converter in vary(patient.converter, name, values)
        )


def _other_neurons(patient: Patient, neuron: Neuron, site: str) -> Iterator[Iterator[_Turn]]:
    for other in patient.others:
        if other == neuron:
            continue
        try:
            plan = patient.plan.with_neuron(site, other)
        except SnnfwError:
            continue  # it does not stand in for this activation, or speaks another coding
        how = _as_layers(patient.plan, site, other)
        words = (f"{describe_method(other)} at {site}", f"{describe_method(other)} in place of every {neuron.name}")
        yield iter([_Turn(words[0], how, replace(patient, plan=plan), words[1])])


def _turns_of_neuron(patient: Patient, neuron: Neuron, site: str) -> Iterator[Iterator[_Turn]]:
    for name, values in directions(neuron):
        yield (
            _Turn(
                f"{name}={format_value(value)} of {neuron.name} at {site}",
                _as_layers(patient.plan, site, changed),
                replace(patient, plan=patient.plan.with_neuron(site, changed)),
                f"{name}={format_value(value)} of every {neuron.name}",
            )
            for value, changed in vary(neuron, name, values)
        )


def _as_layers(plan: Plan, site: str, neuron: Neuron) -> str:
    """Return how to ask for another neuron at one site: all rules, since they stand in place of a preset's.

    A rule whose sites are all taken becomes optional: it has placed something, and is not to blame. What a search has
    placed stands in no rule, and one that searches again may find something else.
    """
    if any(each.neuron != each.rule.neuron for each in plan.placements):
        first = _as_rule(Rule(site, neuron))
        return f"As the first rule of what the search has found, search/recipes/chosen.yaml of the run: {first}."
    others = {placement.rule for placement in plan.placements if placement.site.name != site}
    kept = [replace(rule, optional=rule.optional or rule not in others) for rule in plan.layers]
    rules = ", ".join(map(_as_rule, (Rule(site, neuron), *kept)))
    return f"Give {shlex.quote(f'layers=[{rules}]')}."


def _as_rule(rule: Rule) -> str:
    """Return a rule as a recipe holds it, in one line, the parameters that are not defaults alone."""
    written = plain_rule(rule) | {"match": json.dumps(rule.match)}
    neuron: Any = rule.neuron  # a dataclass, as every method is
    if not isinstance(neuron, Keep):
        usual = {parameter.name: parameter.default for parameter in fields(neuron)}
        plain = as_plain(neuron).items()
        unusual = [f"{name}: {format_value(value)}" for name, value in plain if name == "name" or usual[name] != value]
        written["neuron"] = f"{{{', '.join(unusual)}}}" if len(unusual) > 1 else neuron.name
    return f"{{{', '.join(f'{key}: {format_value(value)}' for key, value in written.items())}}}"


def preset_neurons(presets: Iterable[Preset]) -> tuple[Neuron, ...]:
    """Return the neurons that presets place, with their parameters, each once."""
    placed = (rule.neuron for preset in presets for rule in preset.layers)
    return tuple(dict.fromkeys(neuron for neuron in placed if not isinstance(neuron, Keep)))
