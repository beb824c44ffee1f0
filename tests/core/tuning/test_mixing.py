"""Mixtures are the best ones at some price of sensitivity, as trying all of them says."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.search.sensitivity import Table
from snnfw.search.trials import Trials
from snnfw.stages import Subject
from snnfw.tuning.mixing import choose_mixtures, mix
from snnfw.values import Judgement
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.sigmadelta import SigmaDelta

COST = ((4.0, 2.0, 1.0), (3.0, 1.0, 0.5), (2.0, 1.9, 0.2))
SENSITIVITY = ((0.0, 0.125, 0.5), (0.0, 0.0625, 1.0), (0.0, 0.25, 0.25))


def test_each_mixture_is_on_the_lower_hull_of_all() -> None:
    table = Table(("a", "b", "c"), (((),) * 3,) * 3, SENSITIVITY, COST, 0.0)  # type: ignore[arg-type]
    found = list(choose_mixtures(table))
    assert len(found) >= 3

    def sums(choices: tuple[int, ...]) -> tuple[float, float]:
        return (
            sum(row[choice] for row, choice in zip(COST, choices, strict=True)),
            sum(row[choice] for row, choice in zip(SENSITIVITY, choices, strict=True)),
        )

    every = [sums(choices) for choices in itertools.product(range(3), repeat=3)]
    for choices in found:
        cost, sensitivity = sums(choices)
        assert not [other for other in every if other[0] < cost and other[1] <= sensitivity]
        assert cost < sums((0, 0, 0))[0]
    assert [sums(choices)[1] for choices in found] == sorted(sums(choices)[1] for choices in found)


def test_equal_costs_have_no_mixtures() -> None:
    table = Table(("a",), (((),) * 2,), ((0.0, 1.0),), ((1.0, 1.0),), 0.0)  # type: ignore[arg-type]
    assert not list(choose_mixtures(table))


@pytest.mark.parametrize("neuron", [AdaFire(phi=4), SigmaDelta()])
def test_mixtures_place_other_neurons_of_the_same_coding(subject: Subject, neuron: AdaFire | SigmaDelta) -> None:
    plan = place(subject.graph, (Rule("*", neuron, optional=True),))
    trials = Trials(
        subject.graph,
        subject.bundle.data,
        subject.bundle.judgement,
        Direct(),
        2,
        Horowitz(),
        subject.resources,
    )
    others: list[Neuron] = [AdaFire(phi=1), SigmaDelta(levels=2)]
    found = list(mix(plan, others, trials, 32))
    assert found
    for mixed in found:
        assert {type(each.neuron) for each in mixed.placements} == {type(neuron)}
        assert [each.site for each in mixed.placements] == [each.site for each in plan.placements]
        assert mixed != plan
    blind = replace(trials, judgement=Judgement(subject.bundle.judgement.scorer, "accuracy"))
    assert not list(mix(plan, others, blind, 32))
