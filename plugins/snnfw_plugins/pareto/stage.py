"""One stage of a search: measure the candidates, find the frontier, pick a point of it, and write down both."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from snnfw import SearchResult, SnnfwError
from snnfw.config import as_plain
from snnfw.search import Question, Table, measure
from snnfw_plugins.pareto.frontier import Frontier, frontier, total
from snnfw_plugins.pareto.picture import draw, draw_sensitivities, draw_tried
from snnfw_plugins.pareto.recipes import recipe_yaml
from snnfw_plugins.pareto.scores import Tried, spread_points, try_plans
from snnfw_plugins.pareto.words import explain_stages

if TYPE_CHECKING:
    from snnfw.planning import Plan
    from snnfw.search import Trials
    from snnfw_plugins.pareto.candidates import Candidates

UNITS: Mapping[str, str] = {"energy": "mJ", "spikes": "events"}
RECORDED = 200
"""Most points of the frontier that the report keeps; the file beside it keeps all."""
RECIPES = 30
"""Most points of the frontier that get a recipe of their own."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Which point of the frontier is wanted.

    The least sensitivity within a budget of cost, or the least cost within one of sensitivity, both as a ratio of what
    the plan has as it was given; or simply the point of a number. ``key`` is where the user wrote the search, ``field``
    the name of its budget. Or, with a ``loss``, the cheapest plan whose metric is that near to the network's.
    """

    key: str
    field: str
    budgeted: Literal["cost", "sensitivity"]
    budget: float
    point: int | None = None
    loss: float | None = None

    @property
    def bound(self) -> tuple[str, float | None]:
        """Return what bounds the choice, and by how much."""
        if self.point is not None:
            return "point", None
        return (self.budgeted, self.budget) if self.loss is None else ("loss", self.loss)


@dataclass(frozen=True, slots=True)
class Stage:
    """What is searched: ``plan`` as it was given, ``measured`` with the neurons that stand while another is tried.

    ``tries`` is how many points of the frontier are scored as whole plans.
    """

    title: str
    plan: Plan
    measured: Plan
    candidates: Candidates
    question: Question
    aim: Aim
    resolution: float = 0.0
    tries: int = 0

    def plan_of(self, table: Table, choices: Sequence[int]) -> Plan:
        """Return the plan with one candidate at each site."""
        plan = self.plan
        for site, row, choice in zip(table.sites, table.candidates, choices, strict=True):
            plan = plan.with_neuron(site, row[choice])
        return plan


Prepare: TypeAlias = Callable[["Plan"], Stage]
"""Make a stage of the plan that the stage before it chose."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage measured, the frontier of it, the number of the point that was picked, and what was tried whole."""

    stage: Stage
    table: Table
    found: Frontier
    picked: int
    tried: Tried | None = None

    def plan(self, point: int) -> Plan:
        """Return the plan of one point."""
        return self.stage.plan_of(self.table, self.found.choices[point])

    def sums(self, choices: Sequence[int]) -> dict[str, float]:
        """Return cost and sensitivity of one candidate per site."""
        return {"cost": total(self.table.cost, choices), "sensitivity": total(self.table.sensitivity, choices)}


def chain(name: str, plan: Plan, trials: Trials, stages: Sequence[Prepare]) -> SearchResult:
    """Run one stage on the plan of the other, and return the last one's plan with the record and files of all."""
    outcomes: list[Outcome] = []
    for prepare in stages:
        outcomes.append(search_stage(prepare(plan), trials))
        plan = outcomes[-1].plan(outcomes[-1].picked)
    several = len(outcomes) > 1
    records = [outcome_record(outcome) for outcome in outcomes]
    files: dict[str, str | bytes] = {"search/recipes/chosen.yaml": recipe_yaml(plan, trials)}
    for outcome in outcomes:
        files |= outcome_files(outcome, trials, f"-{outcome.stage.title}" if several else "")
    kept = {**records[-1], "name": name, "explained": explain_stages(records), "stages": records if several else []}
    return SearchResult(plan, kept, files)


def search_stage(stage: Stage, trials: Trials) -> Outcome:
    """Measure, search, try whole plans where that is asked for, and pick."""
    if stage.tries:
        trials.require_targets()
    table = measure(stage.measured, stage.candidates.by_site, stage.question, trials)
    found = frontier(table.cost, table.sensitivity, resolution=stage.resolution)
    tried = None
    if stage.tries:
        points = spread_points(found.value, stage.tries)
        tried = try_plans({point: stage.plan_of(table, found.choices[point]) for point in points}, trials)
    return Outcome(stage, table, found, pick_point(found, table, stage, tried), tried)


def pick_point(found: Frontier, table: Table, stage: Stage, tried: Tried | None = None) -> int:
    """Return the number of the point that is aimed at, or say that there is none."""
    aim = stage.aim
    if aim.point is not None:
        if aim.point >= len(found):
            raise SnnfwError(
                f"{aim.key}.point={aim.point} is not there: the frontier has {len(found)} points, from 0 to "
                f"{len(found) - 1}."
            )
        return aim.point
    if tried is not None and aim.loss is not None:
        return tried.cheapest(aim.loss, aim.key)
    by_cost = aim.budgeted == "cost"
    given = total(table.cost if by_cost else table.sensitivity, stage.candidates.own)
    point = found.best(aim.budget * given) if by_cost else found.cheapest(aim.budget * given)
    if point < 0:
        least = float(found.cost[0] if by_cost else found.value[-1]) / given
        unit = f" {UNITS[stage.question.cost]}" if by_cost else ""
        raise SnnfwError(
            f"{aim.key}.{aim.field}={aim.budget:g} cannot be met: no choice of neurons has a {aim.budgeted} below "
            f"{_round_up(least)} times that of the plan as given ({given:.4g}{unit}). Give {aim.key}.{aim.field}="
            f"{_round_up(least)} or more."
        )
    return point


def outcome_record(outcome: Outcome) -> dict[str, Any]:
    """Return the record for the report, as JSON holds it."""
    stage, found = outcome.stage, outcome.found
    plan = outcome.plan(outcome.picked)
    neurons = {placement.site.name: placement.neuron for placement in plan.placements}
    return {
        "name": stage.title,
        "budgeted": stage.aim.bound[0],
        "budget": stage.aim.bound[1],
        "point": outcome.picked,
        "points": len(found),
        "cost": float(found.cost[outcome.picked]),
        "cost_unit": UNITS[stage.question.cost],
        "sensitivity": float(found.value[outcome.picked]),
        "baseline": outcome.table.baseline,
        "uniform": outcome.sums(stage.candidates.own),
        "chosen": {site: as_plain(neurons[site]) for site in outcome.table.sites},
        **({} if outcome.tried is None else {"tried": outcome.tried.record()}),
        "frontier": [[float(found.cost[n]), float(found.value[n])] for n in _spaced_numbers(len(found), RECORDED)],
    }


def outcome_files(outcome: Outcome, trials: Trials, suffix: str) -> dict[str, str | bytes]:
    """Return the stage's files by their path in the run folder."""
    stage, found, table = outcome.stage, outcome.found, outcome.table
    sums = {label: outcome.sums(choices) for label, choices in stage.candidates.uniform.items()}
    marks = {label: (point["cost"], point["sensitivity"]) for label, point in sums.items()}
    given = (total(table.cost, stage.candidates.own), total(table.sensitivity, stage.candidates.own))
    chosen = (float(found.cost[outcome.picked]), float(found.value[outcome.picked]))
    recipes = {
        f"search/recipes/point{suffix}-{point:04d}.yaml": recipe_yaml(outcome.plan(point), trials)
        for point in _spaced_numbers(len(found), RECIPES)
    }
    files: dict[str, str | bytes] = {
        f"search/frontier{suffix}.json": outcome_json(outcome),
        f"search/frontier{suffix}.png": draw(found, marks, given, chosen, stage.question),
        **recipes,
    }
    if layered := sensitivities(outcome):
        files[f"search/sensitivity{suffix}.png"] = draw_sensitivities(layered, stage.question.distance)
    if outcome.tried is not None:
        files |= {
            f"search/recipes/point{suffix}-{point:04d}.yaml": recipe_yaml(outcome.plan(point), trials)
            for point in outcome.tried.points
        }
        files[f"search/tried{suffix}.png"] = draw_tried(outcome.tried, outcome.picked, trials.judgement.headline)
    return files


def sensitivities(outcome: Outcome) -> dict[str, list[float]]:
    """Return every layer's sensitivity to each candidate that all layers have, in the order of execution."""
    rows = outcome.table.sensitivity
    return {
        label: [row[choice] for row, choice in zip(rows, choices, strict=True)]
        for label, choices in outcome.stage.candidates.uniform.items()
    }


def outcome_json(outcome: Outcome) -> str:
    """Return the table and every point, its choices as indices into the candidates, as JSON."""
    table, found = outcome.table, outcome.found
    content = {
        "sites": table.sites,
        "candidates": [[as_plain(neuron) for neuron in tried] for tried in table.candidates],
        "sensitivity": table.sensitivity,
        "cost": table.cost,
        "cost_unit": UNITS[outcome.stage.question.cost],
        "baseline": table.baseline,
        "as_given": outcome.stage.candidates.own,
        "uniform": outcome.stage.candidates.uniform,
        "picked": outcome.picked,
        "tried": None if outcome.tried is None else outcome.tried.record(),
        "points": {
            "cost": found.cost.tolist(),
            "sensitivity": found.value.tolist(),
            "choices": found.choices.tolist(),
        },
    }
    return json.dumps(content, allow_nan=False) + "\n"


def _spaced_numbers(points: int, most: int) -> list[int]:
    """Return at most ``most`` numbers from 0 to ``points`` - 1, evenly spread, both ends among them."""
    return [int(n) for n in np.unique(np.linspace(0, points - 1, min(points, most)).round())]


def _round_up(ratio: float) -> float:
    """Return a ratio rounded up to four decimals, so that it is enough."""
    return math.ceil(ratio * 1e4) / 1e4
