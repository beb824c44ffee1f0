"""The Pareto search: what it tries, what it picks, what it writes down, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from networks import ConvNet, captured, noise
from snnfw.config.resolution import resolve, resolve_mapping, to_yaml
from snnfw.contracts import Search
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.errors import SnnfwError
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Neuron, Rule
from snnfw.registry import Registry
from snnfw.search.questions import Question
from snnfw.search.results import SearchResult
from snnfw.search.sensitivity import Table
from snnfw.search.trials import Trials
from snnfw.simulate.accuracy import Accuracy
from snnfw.simulate.run import simulate
from snnfw.values import Batch, Bundle, Data, Judgement, Keep, Resources
from snnfw_plugins import adafire, calibration, exits, integrate_and_fire, pareto, tracking
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.pareto import AdaptiveCalibration, Pareto, Ssc, stage
from snnfw_plugins.pareto.recipes import recipe_yaml
from snnfw_plugins.tracking import Tracking
from snnfw_tasks.classification import task as classification

INPUTS = noise(6, 3, 8, 8)
SITES = ("relu", "relu#2")


def trials_of(build: type[nn.Module], inputs: Tensor) -> Trials:
    graph = captured(build, inputs[:3])
    batches = [Batch((inputs,), torch.arange(len(inputs)) % 5)]
    scorer = partial(Accuracy, 5)
    bundle = Bundle(
        model=graph.module,
        example=(inputs,),
        data=Data(calibration=[(inputs,)], evaluation=batches),
        judgement=Judgement(scorer=scorer, headline="accuracy", logits=lambda output: output),
    )
    return Trials(graph, bundle.data, bundle.judgement, Direct(), 4, Horowitz(), Resources())


@pytest.fixture(scope="module")
def trials() -> Trials:
    return trials_of(ConvNet, INPUTS)


@pytest.fixture(scope="module")
def registry() -> Registry:
    plugins = [integrate_and_fire, adafire, tracking, calibration, exits, pareto, classification]
    return Registry(plugins, entry_points=False)


class Measured:
    """Stand in for ``measure``: tables from a function of site and candidate, and what was asked for."""

    def __init__(self, sensitivity: Any, cost: Any) -> None:
        self.sensitivity, self.cost = sensitivity, cost
        self.asked: list[tuple[Plan, Mapping[str, Sequence[Neuron]], Question]] = []

    def __call__(
        self, plan: Plan, candidates: Mapping[str, Sequence[Neuron]], question: Question, trials: Trials
    ) -> Table:
        self.asked.append((plan, candidates, question))
        rows = [[(site, neuron) for neuron in tried] for site, tried in candidates.items()]
        return Table(
            tuple(candidates),
            tuple(tuple(tried) for tried in candidates.values()),
            tuple(tuple(self.sensitivity(*entry) for entry in row) for row in rows),
            tuple(tuple(self.cost(*entry) for entry in row) for row in rows),
            baseline=1.0,
        )


@contextmanager
def measured(sensitivity: Any, cost: Any) -> Iterator[Measured]:
    with pytest.MonkeyPatch.context() as patch:
        stand_in = Measured(sensitivity, cost)
        patch.setattr(stage, "measure", stand_in)
        yield stand_in


def inverse(site: str, neuron: Any) -> float:
    """Return a sensitivity that falls with φ, four times as high at the second site, and rises with ρ."""
    return float((4.0 if site == SITES[1] else 1.0) / neuron.phi + (neuron.rho - 1) / 8)


def linear(site: str, neuron: Any) -> float:
    return float(neuron.phi / neuron.rho)


def neurons(plan: Plan) -> dict[str, Any]:
    return {placement.site.name: placement.neuron for placement in plan.placements}


def planned(trials: Trials, *rules: Rule) -> Plan:
    return place(trials.graph, rules or (Rule("*", AdaFire(phi=4)),))


def found(search: Search, trials: Trials, *rules: Rule) -> SearchResult:
    with measured(inverse, linear):
        return search.search(planned(trials, *rules), trials)


def test_every_value_is_tried_at_every_site_with_the_largest_at_all_others(trials: Trials) -> None:
    with measured(inverse, linear) as stand_in:
        Pareto(thresholds="own", samples=9, cost="spikes", distance="kl").search(planned(trials), trials)
    plan, candidates, question = stand_in.asked[0]
    assert neurons(plan) == dict.fromkeys(SITES, AdaFire(phi=8))
    assert candidates == dict.fromkeys(SITES, tuple(AdaFire(phi=phi) for phi in range(1, 9)))
    assert question == Question(distance="kl", cost="spikes", thresholds="own", samples=9)


def test_the_plans_own_value_is_always_tried(trials: Trials) -> None:
    with measured(inverse, linear) as stand_in:
        Pareto(space={"phi": (1, 2)}, initial={"phi": 3}).search(planned(trials), trials)
    plan, candidates, _ = stand_in.asked[0]
    assert neurons(plan)["relu"] == AdaFire(phi=3)
    assert candidates["relu"] == (AdaFire(phi=1), AdaFire(phi=2), AdaFire(phi=4))


def test_phi_goes_where_the_output_minds(trials: Trials) -> None:
    result = found(Pareto(), trials)
    assert neurons(result.plan) == {"relu": AdaFire(phi=3), "relu#2": AdaFire(phi=5)}
    assert result.record["cost"] == 8.0
    assert result.record["sensitivity"] == pytest.approx(1 / 3 + 4 / 5)
    assert result.record["uniform"] == {"cost": 8.0, "sensitivity": 1 / 4 + 4 / 4}


def test_a_budget_of_sensitivity_saves_energy(trials: Trials) -> None:
    result = found(Pareto(sensitivity_budget=1.1), trials)
    assert result.record["sensitivity"] <= 1.1 * (1 / 4 + 4 / 4)
    assert neurons(result.plan) == {"relu": AdaFire(phi=2), "relu#2": AdaFire(phi=5)}


def test_a_point_is_taken_by_its_number(trials: Trials) -> None:
    points = found(Pareto(), trials).record["points"]
    assert neurons(found(Pareto(point=0), trials).plan) == dict.fromkeys(SITES, AdaFire(phi=1))
    assert neurons(found(Pareto(point=points - 1), trials).plan) == dict.fromkeys(SITES, AdaFire(phi=8))


def test_other_parameters_and_sites_without_the_field_stay_as_they_are(trials: Trials) -> None:
    rules = (Rule("relu", IntegrateAndFire(shift=True)), Rule("*", AdaFire(phi=2, shift=False)))
    result = found(Pareto(budget=2.0), trials, *rules)
    assert neurons(result.plan) == {"relu": IntegrateAndFire(shift=True), "relu#2": AdaFire(phi=4, shift=False)}
    assert list(result.record["chosen"]) == ["relu#2"]


def test_a_kept_site_is_left_alone(trials: Trials) -> None:
    result = found(Pareto(), trials, Rule("relu", Keep()), Rule("*", AdaFire()))
    assert neurons(result.plan)["relu"] == Keep()


def test_neurons_of_different_plugins_are_mixed(trials: Trials) -> None:
    choice = (AdaFire(phi=2), Tracking(), IntegrateAndFire())
    best = {"relu": Tracking(), "relu#2": IntegrateAndFire()}
    with measured(lambda site, neuron: float(neuron != best[site]), lambda site, neuron: 1.0) as stand_in:
        result = Pareto(neurons=choice).search(planned(trials), trials)
    plan, candidates, _ = stand_in.asked[0]
    assert neurons(plan) == dict.fromkeys(SITES, AdaFire(phi=4))
    assert candidates["relu"] == (*choice, AdaFire(phi=4))
    assert neurons(result.plan) == best
    assert set(json.loads(result.files["search/frontier.json"])["uniform"]) == {"adafire", "tracking", "if"}


def test_a_neuron_is_tried_only_where_it_stands_in_for_the_activation() -> None:
    class Mixed(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.SiLU(), nn.Linear(8, 5))

    trials = trials_of(Mixed, noise(6, 4))
    with measured(lambda site, neuron: 1.0, lambda site, neuron: 1.0) as stand_in:
        Pareto(neurons=(AdaFire(), Tracking())).search(place(trials.graph, (Rule("*", Tracking()),)), trials)
    assert stand_in.asked[0][1] == {"1": (AdaFire(), Tracking()), "3": (Tracking(),)}


def test_sensitivity_is_never_above_the_uniform_plans_within_its_cost(trials: Trials) -> None:
    rng = np.random.default_rng(0)
    for case in range(150):
        draw = (lambda *_: float(rng.integers(0, 5))) if case % 2 else (lambda *_: float(rng.random()))
        phi = int(rng.integers(1, 9))
        with measured(draw, draw):
            prepared = Pareto(budget=1.0).stage(planned(trials, Rule("*", AdaFire(phi=phi))), "search")
            outcome = stage.search_stage(prepared, trials)
        chosen = outcome.sums(outcome.found.choices[outcome.picked])
        given = outcome.sums(prepared.candidates.own)
        assert chosen["cost"] <= given["cost"]
        assert chosen["sensitivity"] <= given["sensitivity"]


def test_the_record_is_plain_data_and_thin(trials: Trials) -> None:
    with measured(lambda site, neuron: 2.0**-neuron.phi * (17 if site == "relu" else 1), linear):
        record = Pareto(space={"phi": tuple(range(1, 65))}).search(planned(trials), trials).record
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert len(record["frontier"]) <= 200
    assert record["name"] == "pareto"
    assert record["budget"] == 1.0
    assert record["chosen"]["relu"]["name"] == "adafire"
    assert record["stages"] == []


def test_the_whole_frontier_is_written_with_its_table(trials: Trials) -> None:
    result = found(Pareto(), trials)
    whole = json.loads(result.files["search/frontier.json"])
    assert whole["sites"] == list(SITES)
    assert len(whole["points"]["choices"]) == result.record["points"]
    for cost, sensitivity, choices in zip(*whole["points"].values(), strict=True):
        assert cost == sum(row[choice] for row, choice in zip(whole["cost"], choices, strict=True))
        assert sensitivity == pytest.approx(
            sum(row[choice] for row, choice in zip(whole["sensitivity"], choices, strict=True))
        )
    chosen = whole["points"]["choices"][whole["picked"]]
    named = [tried[choice] for tried, choice in zip(whole["candidates"], chosen, strict=True)]
    assert named == list(result.record["chosen"].values())
    picture = result.files["search/frontier.png"]
    assert isinstance(picture, bytes)
    assert picture.startswith(b"\x89PNG")


def test_a_recipe_replays_the_plan_and_its_results(trials: Trials, registry: Registry, tmp_path: Path) -> None:
    result = found(Pareto(), trials)
    for name in ("chosen", f"point-{result.record['point']:04d}"):
        file = tmp_path / "recipe.yaml"
        file.write_text(str(result.files[f"search/recipes/{name}.yaml"]))
        config = resolve(["task=classification", f"recipe={file}"], registry)
        replayed = place(trials.graph, config.layers)
        assert neurons(replayed) == neurons(result.plan)
        assert (config.converter, config.timesteps, config.search) == (trials.converter, trials.timesteps, None)
        assert run(replayed, trials) == run(result.plan, trials)


def test_recipes_cover_the_frontier_from_end_to_end(trials: Trials) -> None:
    with measured(lambda site, neuron: 2.0**-neuron.phi * (17 if site == "relu" else 1), linear):
        result = Pareto(space={"phi": tuple(range(1, 33))}).search(planned(trials), trials)
    recipes = sorted(name for name in result.files if name.startswith("search/recipes/point"))
    assert len(recipes) == 30 < result.record["points"]
    assert recipes[0].endswith("point-0000.yaml")
    assert recipes[-1].endswith(f"point-{result.record['points'] - 1:04d}.yaml")


def test_a_site_whose_name_looks_like_a_pattern_is_matched_by_name(registry: Registry, tmp_path: Path) -> None:
    class Bracketed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.acts = nn.ModuleDict({"a[0]": nn.ReLU(), "a0": nn.ReLU(), "a?": nn.ReLU()})
            self.layer = nn.Linear(5, 5)

        def forward(self, x: Tensor) -> Tensor:
            for act in self.acts.values():
                x = act(self.layer(x))
            return x

    trials = trials_of(Bracketed, noise(6, 5))
    rules = (Rule("acts.a0", AdaFire(phi=2)), Rule("acts.a[?]", AdaFire(phi=3)), Rule("*", AdaFire(phi=1)))
    plan = place(trials.graph, rules)
    assert set(neurons(plan)) == {"acts.a[0]", "acts.a0", "acts.a?"}
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe_yaml(plan, trials))
    config = resolve(["task=classification", f"recipe={file}"], registry)
    assert neurons(place(trials.graph, config.layers)) == neurons(plan)


def run(plan: Plan, trials: Trials) -> tuple[Any, Any]:
    """Return scores and counts of a plan, converted and simulated."""
    model = trials.convert(plan)
    trace = simulate(model, trials.data.evaluation, [trials.timesteps], trials.judgement.scorer, Resources())
    return trace.final.scores, trace.final.accumulations


def test_phi_then_ratios_each_stage_on_the_plan_before(trials: Trials) -> None:
    with measured(inverse, linear) as stand_in:
        result = AdaptiveCalibration(ssc=Ssc(budget=1.3)).search(planned(trials), trials)
    assert [neurons(plan) for plan, _, _ in stand_in.asked] == [
        dict.fromkeys(SITES, AdaFire(phi=8)),
        {"relu": AdaFire(phi=3), "relu#2": AdaFire(phi=5)},
    ]
    assert {site: neuron.phi for site, neuron in neurons(result.plan).items()} == {"relu": 3, "relu#2": 5}
    assert max(neuron.rho for neuron in neurons(result.plan).values()) > 1
    assert [entry["name"] for entry in result.record["stages"]] == ["phi", "rho"]
    assert result.record["name"] == "adafire"
    assert {f"search/frontier-{title}.{kind}" for title in ("phi", "rho") for kind in ("json", "png")} <= set(
        result.files
    )


def test_the_second_stage_can_be_left_out(trials: Trials) -> None:
    assert neurons(found(AdaptiveCalibration(ssc=None), trials).plan) == neurons(found(Pareto(), trials).plan)


def test_two_runs_of_one_search_are_the_same(trials: Trials) -> None:
    first, second = (found(AdaptiveCalibration(), trials) for _ in range(2))
    assert first == second


def test_it_works_on_what_is_really_measured(
    trials: Trials, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    search = AdaptiveCalibration(phi=Pareto(space={"phi": (1, 4)}), ssc=Ssc(ratios=(1.0, 2.0), budget=1.5))
    result = search.search(planned(trials), trials)
    assert search.search(planned(trials), trials) == result
    for entry, field, budget in zip(result.record["stages"], ("cost", "sensitivity"), (1.0, 1.5), strict=True):
        assert entry[field] <= budget * entry["uniform"][field]
    file = tmp_path / "recipe.yaml"
    file.write_text(str(result.files["search/recipes/chosen.yaml"]))
    config = resolve(["task=classification", f"recipe={file}"], registry)
    assert run(place(trials.graph, config.layers), trials) == run(result.plan, trials)


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        (
            Pareto(budget=0.1),
            "search.budget=0.1 cannot be met: no choice of neurons has a cost below 0.25 times that of the plan as "
            "given (8 mJ). Give search.budget=0.25 or more.",
        ),
        (
            Pareto(sensitivity_budget=0.1),
            "search.sensitivity_budget=0.1 cannot be met: no choice of neurons has a sensitivity below 0.5 times that "
            "of the plan as given (1.25). Give search.sensitivity_budget=0.5 or more.",
        ),
        (
            AdaptiveCalibration(phi=Pareto(budget=0.1)),
            "search.phi.budget=0.1 cannot be met: no choice of neurons has a cost below 0.25 times that of the plan as "
            "given (8 mJ). Give search.phi.budget=0.25 or more.",
        ),
        (Pareto(point=500), "search.point=500 is not there: the frontier has 15 points, from 0 to 14."),
        (
            Pareto(space={"fi": (1,)}),
            "no neuron of the plan has a field 'fi' to search over. Their fields: phi, rho, shift, signed.",
        ),
        (
            Pareto(space={}),
            "search.space is empty: give at least one field with values, like search.space.phi=[1,2,4].",
        ),
        (Pareto(space={"phi": ()}), "search.space.phi is empty: give at least one value of 'phi' to try."),
        (
            Pareto(space={"phi": (0, 1)}),
            "search.space holds a value that a neuron refuses: adafire.phi=0 is not allowed: it must be at least 1.",
        ),
        (
            Pareto(initial={"phi": 1.5}),
            "search.initial holds a value that a neuron refuses: adafire.phi=1.5 is not allowed: it must be a whole "
            "number.",
        ),
        (
            Pareto(neurons=(AdaFire(), Keep())),  # type: ignore[arg-type]  # what a user may write
            "search.neurons holds 'keep', which is no neuron: leave it out, and keep layers analog by a rule.",
        ),
    ],
)
def test_mistakes_are_told_with_what_is_possible(search: Search, sentence: str, trials: Trials) -> None:
    with pytest.raises(SnnfwError) as caught:
        found(search, trials)
    assert str(caught.value) == sentence


def test_the_budget_that_an_error_names_can_be_met(trials: Trials) -> None:
    with measured(lambda site, neuron: 1.0, lambda site, neuron: 0.1 * neuron.phi + 0.0123):
        with pytest.raises(SnnfwError) as caught:
            Pareto(budget=0.01).search(planned(trials), trials)
        named = float(str(caught.value).split("search.budget=")[-1].split(" ")[0])
        assert Pareto(budget=named).search(planned(trials), trials).record["point"] == 0


def test_a_neuron_that_no_site_takes_is_refused() -> None:
    class Silu(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(4, 8), nn.SiLU(), nn.Linear(8, 5))

    trials = trials_of(Silu, noise(6, 4))
    with pytest.raises(SnnfwError) as caught:
        Pareto(neurons=(AdaFire(),)).search(place(trials.graph, (Rule("*", Tracking()),)), trials)
    assert str(caught.value) == (
        "search.neurons: no site takes neuron 'adafire', which stands in for relu; the sites are silu. Leave it out."
    )


def test_neurons_are_chosen_by_name_and_survive_the_configuration_file(registry: Registry, tmp_path: Path) -> None:
    words = ["task=classification", "plugin=adafire", "search=pareto"]
    config = resolve([*words, "search.neurons=[{name: adafire, phi: 2}, tracking, if]"], registry)
    assert config.search == Pareto(neurons=(AdaFire(phi=2), Tracking(), IntegrateAndFire()))
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(config))
    assert resolve([f"experiment={file}"], registry).search == config.search
    assert resolve_mapping({"task": "classification", "plugin": "adafire", "search": config.search}, registry) == config


def test_options_of_both_stages_are_reached_by_words(registry: Registry) -> None:
    words = ["task=classification", "plugin=adafire", "search=adafire"]
    config = resolve([*words, "search.phi.budget=0.9", "search.ssc.budget=1.2"], registry)
    assert config.search == AdaptiveCalibration(phi=Pareto(budget=0.9), ssc=Ssc(budget=1.2))
    assert resolve([*words, "search.ssc=null"], registry).search == AdaptiveCalibration(ssc=None)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["search=pareto", "search.neurons=[iff]"],
            "no neuron named 'iff'. Did you mean 'if'? Registered: adafire, if, tracking.",
        ),
        (
            ["search=pareto", "search.neurons=[{name: adafire, phi: 0}]"],
            "search.neurons[0].phi=0 is not allowed: it must be at least 1.",
        ),
        (
            ["search=pareto", "search.neurons=[if]", "search.initial.phi=2"],
            "search 'pareto' is not possible with these values: initial holds values of fields, and neurons are "
            "searched: leave one of them out.",
        ),
        (["search=pareto", "search.budget=0"], "search.budget=0 is not allowed: it must be greater than 0."),
        (["search=ssc", "search.ratios=[1, 0]"], "search.ratios[1]=0 is not allowed: it must be greater than 0."),
    ],
)
def test_the_configuration_refuses(words: list[str], sentence: str, registry: Registry) -> None:
    with pytest.raises(SnnfwError) as caught:
        resolve(["task=classification", "plugin=adafire", *words], registry)
    assert str(caught.value) == sentence
