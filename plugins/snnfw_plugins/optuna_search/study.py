"""One Optuna study: ask for plans, score them, and pick the one to run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

from snnfw import Neuron, Score, SearchResult, SnnfwError
from snnfw.config import as_plain
from snnfw_plugins.pareto.candidates import placements_with_field, with_values
from snnfw_plugins.pareto.picture import as_png, empty_figure
from snnfw_plugins.pareto.recipes import recipe_yaml
from snnfw_plugins.pareto.scores import plan_scorer

if TYPE_CHECKING:
    from snnfw.planning import Plan
    from snnfw.search import Trials

MICROJOULES = 1e3
"""µJ in a mJ."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One choice of the space: a field's values, for one site or for several."""

    label: str
    field: str
    sites: tuple[str, ...]
    values: tuple[Any, ...]
    own: Any


@dataclass(frozen=True, slots=True)
class Sampling:
    """How plans are chosen: by which of Optuna's samplers, how many, how many at once, and what the best may cost."""

    sampler: Literal["tpe", "nsga2", "random"]
    trials: int
    budget: float
    batch: int = 1


@dataclass(frozen=True, slots=True)
class TriedPlan:
    """One plan that was tried, the value of each dimension by its label, and the score."""

    plan: Plan
    choices: Mapping[str, Any]
    score: Score


def run_study(plan: Plan, trials: Trials, space: Sequence[Dimension], sampling: Sampling) -> SearchResult:
    """Try as many plans as asked for, the plan as given first, and return the best within the budget.

    Samplers are seeded and scores are kept on disk: a study that was stopped runs through what it had in no time, and
    ends as it would have.
    """
    optuna = _optuna()
    score = plan_scorer(trials)
    given = TriedPlan(plan, {}, dict(score([plan]))[0])
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        tried = _run(optuna, sampling, plan, space, score, trials)
    finally:
        optuna.logging.set_verbosity(before)
    front = _front([given, *tried])
    best = _pick(front, given, sampling.budget)
    recipes = {f"search/recipes/point-{n:04d}.yaml": recipe_yaml(entry.plan, trials) for n, entry in enumerate(front)}
    files: dict[str, str | bytes] = {
        "search/recipes/chosen.yaml": recipe_yaml(best.plan, trials),
        "search/trials.json": json.dumps([_plain(entry) for entry in tried], allow_nan=False) + "\n",
        "search/trials.png": _draw(tried, front, given, best, trials.judgement.headline),
        **recipes,
    }
    return SearchResult(best.plan, _record(sampling, given, best, front, trials.judgement.headline), files)


def _optuna() -> Any:
    try:
        return import_module("optuna")
    except ImportError as error:
        raise SnnfwError("search=optuna needs the library optuna: pip install snnfw[search].") from error


def dimensions_of(space: Mapping[str, Sequence[Any]], shared: bool, plan: Plan) -> list[Dimension]:
    """Return the space's dimensions, every value tried on the neurons that it is for."""
    if not space:
        raise SnnfwError("search.space is empty: give at least one field with values, like search.space.phi=[1,2,4].")
    dimensions = []
    for field, values in space.items():
        key = f"search.space.{field}"
        if not values:
            raise SnnfwError(f"{key} is empty: give at least one value of '{field}' to try.")
        owns = {place.site.name: getattr(place.neuron, field) for place in placements_with_field(plan, field)}
        for place in placements_with_field(plan, field):
            for value in values:
                with_values(cast("Neuron", place.neuron), {field: value}, key)
        if shared:
            dimensions.append(_dimension(field, field, tuple(owns), values, next(iter(owns.values()))))
        else:
            dimensions += [_dimension(f"{site} {field}", field, (site,), values, own) for site, own in owns.items()]
    return dimensions


def _dimension(label: str, field: str, sites: tuple[str, ...], values: Sequence[Any], own: Any) -> Dimension:
    return Dimension(label, field, sites, tuple(dict.fromkeys([*values, own])), own)


def _run(
    optuna: Any, sampling: Sampling, plan: Plan, dimensions: Sequence[Dimension], score: Any, trials: Trials
) -> list[TriedPlan]:
    samplers = {
        "tpe": optuna.samplers.TPESampler,
        "nsga2": optuna.samplers.NSGAIISampler,
        "random": optuna.samplers.RandomSampler,
    }
    sampler = samplers[sampling.sampler](seed=trials.resources.seed)
    running = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    running.enqueue_trial({dimension.label: dimension.own for dimension in dimensions})
    tried: list[TriedPlan] = []
    rounds = range(0, sampling.trials, sampling.batch)
    for begun in trials.resources.track(rounds, "try plans", len(rounds)):
        asked = [running.ask() for _ in range(min(sampling.batch, sampling.trials - begun))]
        choices = [
            {each.label: trial.suggest_categorical(each.label, each.values) for each in dimensions} for trial in asked
        ]
        variants = [_variant(plan, dimensions, chosen) for chosen in choices]
        found = dict(score(variants))
        # Told in the order in which they were asked for, whichever came first: the sampler goes on alike everywhere.
        for at, trial in enumerate(asked):
            running.tell(trial, [found[at].metric, found[at].energy])
            tried.append(TriedPlan(variants[at], choices[at], found[at]))
    return tried


def _variant(plan: Plan, dimensions: Sequence[Dimension], choices: Mapping[str, Any]) -> Plan:
    """Return the plan with the chosen values."""
    for dimension in dimensions:
        neurons = {place.site.name: place.neuron for place in plan.placements}
        for site in dimension.sites:
            neuron = cast("Neuron", neurons[site])
            value = choices[dimension.label]
            changed = with_values(neuron, {dimension.field: value}, f"search.space.{dimension.field}")
            plan = plan.with_neuron(site, changed)
    return plan


def _front(tried: Sequence[TriedPlan]) -> list[TriedPlan]:
    """Return the plans that no other one beats in metric and energy at once, cheapest first."""
    front: list[TriedPlan] = []
    for entry in sorted(tried, key=lambda entry: (entry.score.energy, -entry.score.metric)):
        if not front or entry.score.metric > front[-1].score.metric:
            front.append(entry)
    return front


def _pick(front: Sequence[TriedPlan], given: TriedPlan, budget: float) -> TriedPlan:
    """Return the best plan within the budget, or say what the cheapest one costs."""
    affordable = [entry for entry in front if entry.score.energy <= budget * given.score.energy]
    if affordable:
        return affordable[-1]
    least = math.ceil(front[0].score.energy / given.score.energy * 1e4) / 1e4
    raise SnnfwError(
        f"search.budget={budget:g} cannot be met: of the plans tried none costs less than {least} times what the plan "
        f"as given costs. Give search.budget={least} or more, or more search.trials."
    )


def _plain(entry: TriedPlan) -> dict[str, Any]:
    return {"metric": entry.score.metric, "energy": entry.score.energy, "choices": dict(entry.choices)}


def _explain(
    sampling: Sampling, given: TriedPlan, best: TriedPlan, front: Sequence[TriedPlan], metric: str
) -> list[str]:
    """Return in sentences what was looked for, found and chosen, and what it costs."""
    times = "" if sampling.budget == 1 else f"{sampling.budget:g} times "
    return [
        f"Looked for the best {metric} for at most {times}the energy of the plan as given: Optuna "
        f"({sampling.sampler}) tried {sampling.trials} whole plans on calibration samples.",
        f"Found {len(front)} that no other one beats in {metric} and energy at once; chose the best within the budget, "
        "of equals the cheapest.",
        f"It has {metric} {best.score.metric:.4g} for {MICROJOULES * best.score.energy:.3g} µJ a sample; the plan as "
        f"given has {given.score.metric:.4g} for {MICROJOULES * given.score.energy:.3g} µJ.",
    ]


def _record(
    sampling: Sampling, given: TriedPlan, best: TriedPlan, front: Sequence[TriedPlan], metric: str
) -> dict[str, Any]:
    return {
        "name": "optuna",
        "explained": _explain(sampling, given, best, front, metric),
        "sampler": sampling.sampler,
        "trials": sampling.trials,
        "budget": sampling.budget,
        "points": len(front),
        "metric": best.score.metric,
        "energy": best.score.energy,
        "given": {"metric": given.score.metric, "energy": given.score.energy},
        "chosen": {place.site.name: as_plain(place.neuron) for place in best.plan.placements},
        "front": [[entry.score.energy, entry.score.metric] for entry in front],
    }


def _draw(
    tried: Sequence[TriedPlan], front: Sequence[TriedPlan], given: TriedPlan, best: TriedPlan, metric: str
) -> bytes:
    """Return a PNG of the metric over energy."""
    figure, axes = empty_figure()
    shown = [("tried", tried, "."), ("not beaten", front, "s-"), ("as given", [given], "D"), ("chosen", [best], "r*")]
    for label, entries, style in shown:
        energies = [entry.score.energy * MICROJOULES for entry in entries]
        axes.plot(energies, [entry.score.metric for entry in entries], style, markersize=6, label=label)
    axes.set_xlabel("energy (µJ per sample)")
    axes.set_ylabel(f"{metric} on calibration data")
    return as_png(figure, axes)
