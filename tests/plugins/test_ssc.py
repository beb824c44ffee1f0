"""Sensitivity spike compression: thresholds rise where the output does not mind, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest
import torch

from networks import ConvNet, captured, noise
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.errors import SnnfwError
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Neuron, Rule
from snnfw.search.questions import Question
from snnfw.search.sensitivity import Table
from snnfw.search.trials import Trials
from snnfw.simulate.accuracy import Accuracy
from snnfw.values import Batch, Bundle, Data, Judgement, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.pareto import RATIOS, Ssc, stage
from snnfw_plugins.tracking import Tracking

INPUTS = noise(6, 3, 8, 8)


@pytest.fixture(scope="module")
def trials() -> Trials:
    graph = captured(ConvNet, INPUTS[:3])
    batches = [Batch((INPUTS,), torch.arange(6) % 5)]
    bundle = Bundle(
        model=graph.module,
        example=(INPUTS,),
        data=Data(calibration=[(INPUTS,)], evaluation=batches),
        judgement=Judgement(scorer=partial(Accuracy, 5), headline="accuracy", logits=lambda y: y),
    )
    return Trials(graph, bundle.data, bundle.judgement, Direct(), 4, Horowitz(), Resources())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Plan, Question]]:
    """Let sensitivity rise with ρ at the second site only, and events fall with it everywhere."""
    heard = []

    def measure(plan: Plan, candidates: Mapping[str, Sequence[Any]], question: Question, trials: Trials) -> Table:
        heard.append((plan, question))
        slopes = {"relu": 0.0, "relu#2": 0.5}
        tried: tuple[tuple[Neuron, ...], ...] = tuple(tuple(row) for row in candidates.values())
        sensitivity = tuple(
            tuple(0.25 + slopes[site] * (neuron.rho - 1) for neuron in row) for site, row in candidates.items()
        )
        cost = tuple(tuple(8.0 / neuron.rho for neuron in row) for row in candidates.values())
        return Table(tuple(candidates), tried, sensitivity, cost, 0.25)

    monkeypatch.setattr(stage, "measure", measure)
    return heard


def ratios(plan: Plan) -> dict[str, float]:
    neurons: dict[str, Any] = {placement.site.name: placement.neuron for placement in plan.placements}
    return {site: neuron.rho for site, neuron in neurons.items() if hasattr(neuron, "rho")}


def planned(trials: Trials, *rules: Rule) -> Plan:
    return place(trials.graph, rules or (Rule("*", AdaFire()),))


def test_the_ratios_are_those_of_the_paper() -> None:
    assert (
        *(1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5),
        *(6.0, 6.5, 7.0, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0),
    ) == RATIOS


def test_thresholds_rise_only_where_the_output_does_not_mind(
    trials: Trials, asked: list[tuple[Plan, Question]]
) -> None:
    found = Ssc().search(planned(trials), trials)
    assert ratios(found.plan) == {"relu": 10.0, "relu#2": 1.0}
    assert found.record["sensitivity"] <= found.record["uniform"]["sensitivity"]
    assert found.record["cost"] == 0.8 + 8.0


def test_the_plan_as_given_is_measured_with_its_own_thresholds(
    trials: Trials, asked: list[tuple[Plan, Question]]
) -> None:
    plan = planned(trials)
    Ssc(samples=7).search(plan, trials)
    assert asked == [(plan, Question("symmetric_kl", "energy", "kept", 7))]


def test_a_larger_budget_saves_more(trials: Trials, asked: list[tuple[Plan, Question]]) -> None:
    assert ratios(Ssc(budget=2.0).search(planned(trials), trials).plan) == {"relu": 10.0, "relu#2": 2.0}


def test_ratios_of_one_change_nothing(trials: Trials, asked: list[tuple[Plan, Question]]) -> None:
    plan = planned(trials)
    assert Ssc(ratios=(1.0,)).search(plan, trials).plan == plan


def test_sites_whose_neurons_have_no_ratio_are_left_out(trials: Trials, asked: list[tuple[Plan, Question]]) -> None:
    plan = planned(trials, Rule("relu", IntegrateAndFire()), Rule("*", Tracking()))
    found = Ssc().search(plan, trials)
    assert list(found.record["chosen"]) == ["relu"]
    assert ratios(found.plan) == {"relu": 10.0}


def test_a_budget_below_the_least_sensitivity_says_what_is_possible(
    trials: Trials, asked: list[tuple[Plan, Question]]
) -> None:
    with pytest.raises(SnnfwError) as caught:
        Ssc(budget=0.9).search(planned(trials), trials)
    assert str(caught.value) == (
        "search.budget=0.9 cannot be met: no choice of neurons has a sensitivity below 1.0 times that of the plan as "
        "given (0.5). Give search.budget=1.0 or more."
    )


def test_a_network_without_ratios_is_refused(trials: Trials) -> None:
    with pytest.raises(SnnfwError) as caught:
        Ssc().search(planned(trials, Rule("*", Tracking())), trials)
    assert str(caught.value) == ("no neuron of the plan has a field 'rho' to search over. Their fields: phi.")
