"""The search through Optuna: whole plans, scored on calibration data, remembered on disk."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from networks import ConvNet, captured, noise
from snnfw.config.resolution import resolve, to_yaml
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.errors import SnnfwError
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Rule
from snnfw.registry import Registry
from snnfw.search.results import Score, SearchResult
from snnfw.search.trials import Trials
from snnfw.simulate.accuracy import Accuracy
from snnfw.values import Batch, Bundle, Data, Judgement, Keep, Resources
from snnfw_plugins import adafire, calibration, exits, integrate_and_fire, optuna_search, pareto, tracking
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.optuna_search import OptunaSearch
from snnfw_plugins.pareto.scores import plan_scorer
from snnfw_plugins.tracking import Tracking
from snnfw_tasks.classification import task as classification

INPUTS = noise(6, 3, 8, 8)
SITES = ("relu", "relu#2")


class CountedTrials(Trials):
    """Trials whose score is known: φ at the second site is worth more, and both cost their φ."""

    def score(self, plan: Plan) -> Score:
        scored.append(plan)
        first, second = (getattr(placement.neuron, "phi", 0) for placement in plan.placements)
        return Score(metric=first + 4.0 * second, energy=float(first + second))


scored: list[Plan] = []


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    scored.clear()


@pytest.fixture(scope="module")
def trials() -> Trials:
    graph = captured(ConvNet, INPUTS[:3])
    batches = [Batch((INPUTS,), torch.arange(6) % 5)]
    bundle = Bundle(
        model=graph.module,
        example=(INPUTS,),
        data=Data(calibration=[(INPUTS,)], evaluation=batches, tuning=batches),
        judgement=Judgement(scorer=partial(Accuracy, 5), headline="accuracy"),
    )
    return CountedTrials(graph, bundle.data, bundle.judgement, Direct(), 4, Horowitz(), Resources())


def planned(trials: Trials, *rules: Rule) -> Plan:
    return place(trials.graph, rules or (Rule("*", AdaFire(phi=4)),))


def phis(plan: Plan) -> list[int]:
    neurons: list[Any] = [placement.neuron for placement in plan.placements]
    return [neuron.phi for neuron in neurons]


def searched(on: Trials, **options: Any) -> SearchResult:
    pytest.importorskip("optuna")
    search = OptunaSearch(**{"space": {"phi": (1, 2, 4, 8)}, "trials": 60, **options})
    return search.search(planned(on), on)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_the_best_plan_within_the_budget_is_found(sampler: Any, trials: Trials) -> None:
    found = searched(trials, sampler=sampler, budget=1.25)
    assert phis(found.plan) == [2, 8]
    assert (found.record["metric"], found.record["energy"]) == (34.0, 10.0)
    assert found.record["given"] == {"metric": 20.0, "energy": 8.0}


def test_at_its_own_cost_it_is_never_worse_than_the_plan_as_given(trials: Trials) -> None:
    assert searched(trials, trials=1).record["metric"] == 20.0


def test_a_shared_field_has_one_value_everywhere(trials: Trials) -> None:
    found = searched(trials, shared=True, trials=20, budget=2.0)
    assert phis(found.plan) == [8, 8]
    assert len({tuple(phis(plan)) for plan in scored}) == 4


def test_what_is_not_beaten_gets_recipes_and_a_picture(trials: Trials) -> None:
    found = searched(trials)
    recipes = [name for name in found.files if name.startswith("search/recipes/point")]
    assert len(recipes) == found.record["points"] == len(found.record["front"])
    assert len(json.loads(found.files["search/trials.json"])) == 60
    assert bytes(found.files["search/trials.png"]).startswith(b"\x89PNG")  # type: ignore[arg-type]  # it is bytes


def test_a_study_that_was_stopped_ends_as_it_would_have(trials: Trials) -> None:
    whole = searched(trials)
    assert len(scored) > 4
    scored.clear()
    assert searched(trials) == whole
    assert scored == []


def test_a_budget_that_nothing_tried_meets_says_what_is_possible(trials: Trials) -> None:
    with pytest.raises(SnnfwError) as caught:
        searched(trials, budget=0.1)
    assert str(caught.value) == (
        "search.budget=0.1 cannot be met: of the plans tried none costs less than 0.25 times what the plan as given "
        "costs. Give search.budget=0.25 or more, or more search.trials."
    )


def test_a_missing_library_is_named_with_its_extra(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(SnnfwError) as caught:
        OptunaSearch().search(planned(trials), trials)
    assert str(caught.value) == "search=optuna needs the library optuna: pip install snnfw[search]."


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ({}, "search.space is empty: give at least one field with values, like search.space.phi=[1,2,4]."),
        ({"phi": ()}, "search.space.phi is empty: give at least one value of 'phi' to try."),
        (
            {"phi": (0,)},
            "search.space.phi holds a value that a neuron refuses: adafire.phi=0 is not allowed: it must be at least 1.",
        ),
        (
            {"fi": (1,)},
            "no neuron of the plan has a field 'fi' to search over. Their fields: phi, rho, shift, signed.",
        ),
    ],
)
def test_a_space_without_meaning_is_refused(space: Any, sentence: str, trials: Trials) -> None:
    with pytest.raises(SnnfwError) as caught:
        OptunaSearch(space=space).search(planned(trials), trials)
    assert str(caught.value) == sentence


def test_a_score_is_remembered_until_something_that_it_depends_on_changes(trials: Trials) -> None:
    first = dict(plan_scorer(trials)([planned(trials)]))
    assert dict(plan_scorer(trials)([planned(trials)])) == first
    assert len(scored) == 1
    for other in (
        replace(trials, timesteps=5),
        replace(trials, converter=Direct()),
        replace(trials, costs=Horowitz(ac_pj=1.0)),
        replace(trials, data=replace(trials.data, calibration=[(INPUTS[:5],)])),
        replace(
            trials,
            data=replace(trials.data, tuning=[Batch((INPUTS,), torch.arange(6) % 4)]),
        ),
    ):
        dict(plan_scorer(other)([planned(trials)]))
    assert len(scored) == 5  # an equal converter is no change
    dict(plan_scorer(trials)([planned(trials, Rule("relu", Keep()), Rule("*", Tracking()))]))
    assert len(scored) == 6


def test_the_space_is_given_by_words_and_survives_the_configuration_file(tmp_path: Path) -> None:
    plugins = [integrate_and_fire, adafire, tracking, calibration, exits, pareto, optuna_search, classification]
    registry = Registry(plugins, entry_points=False)
    words = ["task=classification", "plugin=adafire", "search=optuna", "search.space.phi=[1,2]", "search.trials=3"]
    config = resolve(words, registry)
    assert config.search == OptunaSearch(space={"phi": (1, 2)}, trials=3)
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(config))
    assert resolve([f"experiment={file}"], registry).search == config.search
