"""Variants differ from what they are made of in what their names say, and in nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from snnfw.contracts import ExitPolicy, Preset, Search
from snnfw.planning.placement import place
from snnfw.registry import Registry
from snnfw.stages import Subject
from snnfw.tuning.proposals import (
    at_timesteps,
    midway,
    placed_neurons,
    plain_method,
    turn_knobs,
    with_exits,
    with_plan,
    with_stages,
)
from snnfw.tuning.values import Candidate
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.exits import Confidence, Entropy


@pytest.fixture
def signed(configure: Callable[..., Any]) -> Candidate:
    config = configure({"plugin": "signed", "timesteps": 4, "checkpoints": [4]})
    return Candidate("signed, T=4", "signed", config)


def test_other_timesteps_are_scored_at_their_end(signed: Candidate) -> None:
    longer = at_timesteps(signed, 8)
    assert (longer.name, longer.config.timesteps, longer.config.checkpoints) == ("signed, T=8", 8, (8,))
    assert replace(longer.config, timesteps=4, checkpoints=(4,), resolved=signed.config.resolved) == signed.config


def test_every_knob_of_what_is_placed_is_turned(signed: Candidate, subject: Subject) -> None:
    plan = place(subject.graph, signed.config.layers)
    assert [type(neuron) for neuron in placed_neurons(plan)] == [AdaFire]
    turned = {each.name: each.config for each in turn_knobs(signed, plan, [3])}
    assert turned["signed, T=3"].timesteps == 3
    assert turned["signed, T=4, adafire.phi=4"].layers[0].neuron == AdaFire(phi=4, signed=True, rho=1.5)
    assert turned["signed, T=4, adafire.phi=4"].layers[1] == signed.config.layers[1]
    assert turned["signed, T=4, adafire.signed=false"].layers[0].neuron == AdaFire(phi=8, rho=1.5)
    assert "signed, T=4, converter.channel_wise=false" in turned
    assert not [name for name in turned if "tracking" in name or "converter.samples" in name]
    fields = ("layers", "converter", "timesteps")
    for config in turned.values():
        assert sum(getattr(config, name) != getattr(signed.config, name) for name in fields) == 1


def test_exits_are_for_what_has_timesteps_to_save(signed: Candidate) -> None:
    found = list(with_exits(signed, [Entropy(), Confidence()]))
    assert [each.config.exit for each in found] == [Entropy(), Confidence()]
    assert not list(with_exits(at_timesteps(signed, 1), [Entropy()]))
    assert not list(with_exits(found[0], [Entropy()]))


def test_a_papers_own_stages_come_alone_and_together(signed: Candidate, registry: Registry) -> None:
    preset: Preset = registry.presets["adafire"]
    assert preset.search
    assert preset.exit
    both: dict[str, Search | ExitPolicy] = {"search": preset.search, "exit": preset.exit}
    found = [(each.config.search, each.config.exit) for each in with_stages(signed, both)]
    assert found == [(preset.search, None), (preset.search, preset.exit)]
    assert len(list(with_stages(at_timesteps(signed, 1), both))) == 1
    assert not list(with_stages(signed, {"exit": preset.exit}))


def test_a_plan_becomes_a_rule_for_each_site(signed: Candidate, subject: Subject) -> None:
    plan = place(subject.graph, signed.config.layers)
    site = plan.placements[1].site.name
    mixed = with_plan(signed, plan.with_neuron(site, AdaFire(phi=2)), "mixed")
    placed = place(subject.graph, mixed.config.layers)
    assert [each.neuron for each in placed.placements] == [AdaFire(phi=8, signed=True, rho=1.5), AdaFire(phi=2)]
    assert mixed.name == "signed, T=4, mixed"


def test_plain_values_resolve_to_the_same_method(signed: Candidate, configure: Callable[..., Any]) -> None:
    for each in (signed, *with_exits(signed, [Entropy(tolerance=0.01)])):
        again = configure(plain_method(each.config))
        assert replace(again, resolved={}) == replace(each.config, resolved={})


@pytest.mark.parametrize(
    ("timesteps", "tried", "most", "wanted"),
    [
        (4, [1, 2, 4, 8], None, (3, 6)),
        (1, [1, 2], None, ()),
        (8, [8], None, (4, 16)),
        (8, [8], 10, (4,)),
        (2, [2, 3], 3, (1,)),
    ],
)
def test_timesteps_in_between_are_tried(
    timesteps: int, tried: list[int], most: int | None, wanted: tuple[int, ...]
) -> None:
    assert midway(timesteps, tried, most) == wanted
