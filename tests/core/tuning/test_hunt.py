"""The search ends with what measuring every candidate in full would choose, the same after it was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from snnfw import stages
from snnfw.config.tuning import Aim, NamedConfig, own_stages, usual_exits
from snnfw.errors import SnnfwError
from snnfw.registry import Registry
from snnfw.store.files import Store
from snnfw.tuning import hunt, measuring
from snnfw.tuning.confidence import most_sure
from snnfw.tuning.ground import Ground
from snnfw.tuning.hunt import find_cheapest, ladder
from snnfw.tuning.measuring import Meter, Observe, Rung
from snnfw.tuning.space import Space, placeable
from snnfw.tuning.values import Candidate, Choice, Evidence, Finding

NAMES = ("signed", "sigmadelta", "rate")
AIM = Aim(drop=2.0, timesteps=(1, 2), rounds=1, trials=24)


def space_of(ground: Ground, registry: Registry, configure: Any, aim: Aim, names: tuple[str, ...] = NAMES) -> Space:
    first = {"timesteps": aim.timesteps[0], "checkpoints": [aim.timesteps[0]]}
    named = [
        NamedConfig(name, configure({"plugin": name, **first}), own_stages(registry.presets[name])) for name in names
    ]
    methods, left_out = placeable(named, {}, aim, ground)
    assert not left_out
    return Space(methods, {each.name: each.stages for each in named}, usual_exits(registry))


def found(ground: Ground, registry: Registry, configure: Any, aim: Aim = AIM, store: Store | None = None) -> Choice:
    space = space_of(ground, registry, configure, aim)
    meter = Meter(ground, aim.drop, space.methods[0].config, store)
    return find_cheapest(meter, aim, space)


def test_nothing_that_was_picked_is_cheaper_and_will_do(
    ground: Ground, registry: Registry, configure: Callable[..., Any]
) -> None:
    choice = found(ground, registry, configure)
    space = space_of(ground, registry, configure, AIM)
    meter = Meter(ground, AIM.drop, space.methods[0].config)
    names = {each.candidate.name: each.candidate for each in choice.findings}
    in_full = meter.measure(list(names.values()), Rung(ground.picking, None), "all")
    enough = min(AIM.confidence, most_sure(0.97, ground.picking, 0, AIM.drop))
    doing = [each for each in in_full.values() if each.sure >= enough and each.evidence]
    cheapest = min(each.evidence.cost("energy")[0] for each in doing if each.evidence)
    picked = min(each.evidence.cost("energy")[0] for each in choice.finalists if each.evidence)
    assert picked <= 1.05 * cheapest  # halving may lose one that is as good as another
    confirmed = [each for each in choice.finalists if each.evidence and each.sure >= choice.attainable]
    assert choice.chosen == min(confirmed, key=lambda each: each.evidence.cost("energy") if each.evidence else ())
    assert choice.met
    assert 0 < len(choice.finalists) < len(choice.findings)
    assert {each.candidate.family for each in choice.findings} == set(NAMES)


def test_a_search_that_is_killed_ends_as_it_would_have(
    ground: Ground,
    registry: Registry,
    configure: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    whole = found(ground, registry, configure, store=Store(tmp_path / "whole"))
    calls, store = [0], Store(tmp_path / "killed")
    measured = Observe.__call__

    def count(self: Observe, config: Any) -> Any:
        calls[0] += 1
        if calls[0] == 11:
            raise KeyboardInterrupt
        return measured(self, config)

    monkeypatch.setattr(Observe, "__call__", count)
    with pytest.raises(KeyboardInterrupt):
        found(ground, registry, configure, store=store)
    again = found(ground, registry, configure, store=store)
    assert again == whole
    total = calls[0] - 1  # the one that was killed is measured again, and no other
    calls[0] = 100
    assert found(ground, registry, configure, store=store) == whole
    assert calls[0] == 100
    assert total >= len(whole.findings)


def test_where_nothing_will_do_the_nearest_is_told(
    ground: Ground, registry: Registry, configure: Callable[..., Any]
) -> None:
    aim = replace(AIM, drop=0.0, rounds=0, timesteps=(1,))
    space = space_of(ground, registry, configure, aim, ("rate",))
    choice = find_cheapest(Meter(ground, aim.drop, space.methods[0].config), aim, space)
    assert not choice.met
    assert not choice.sure
    assert choice.chosen.evidence
    assert choice.chosen.evidence.drop > 0


@pytest.mark.parametrize("minimise", ["timesteps", "spikes"])
def test_other_costs_are_minimised_too(
    ground: Ground, registry: Registry, configure: Callable[..., Any], minimise: Any
) -> None:
    aim = replace(AIM, minimise=minimise, rounds=1)
    choice = found(ground, registry, configure, aim)
    costs = [
        each.evidence.cost(minimise) for each in choice.finalists if each.evidence and each.sure >= choice.attainable
    ]
    assert choice.chosen.evidence
    assert choice.chosen.evidence.cost(minimise) == min(costs)


def test_a_method_that_breaks_is_told_and_the_others_go_on(
    ground: Ground, registry: Registry, configure: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stages.convert_and_simulate

    def broken(config: Any, subject: Any) -> Any:
        if config.plugin == "rate":
            raise RuntimeError("out of\n order")
        return run(config, subject)

    monkeypatch.setattr(measuring, "convert_and_simulate", broken)
    choice = found(ground, registry, configure, replace(AIM, rounds=0))
    errors = {each.candidate.family: each.error for each in choice.findings if each.error}
    assert errors == {"rate": "RuntimeError: out of order"}
    monkeypatch.setattr(
        measuring, "convert_and_simulate", lambda config, subject: broken(replace(config, plugin="rate"), subject)
    )
    other = replace(ground, held=(ground.held[0], ground.held[1]))
    with pytest.raises(SnnfwError, match=r"no method could be measured: .*out of order"):
        found(other, registry, configure, replace(AIM, rounds=0), Store(None))


def test_trials_bound_what_is_tried(ground: Ground, registry: Registry, configure: Callable[..., Any]) -> None:
    assert len(found(ground, registry, configure, replace(AIM, trials=7)).findings) == 7


class Backwards:
    """Finish the last item first, each as in a process of its own."""

    name: ClassVar[str] = "backwards"

    def map(self, function: Any, items: Any, /) -> Iterator[tuple[int, Any]]:
        for at in reversed(range(len(items))):
            yield at, function(items[at])


def test_workers_find_the_same(
    ground: Ground, registry: Registry, configure: Callable[..., Any], tmp_path: Any
) -> None:
    aim = replace(AIM, rounds=1, trials=15)
    here = found(ground, registry, configure, aim, Store(tmp_path / "here"))
    space = space_of(ground, registry, configure, aim)
    base = replace(space.methods[0].config, launcher=Backwards())
    there = find_cheapest(Meter(ground, aim.drop, base, Store(tmp_path / "there")), aim, space)
    assert there == here


def test_a_candidate_is_tried_once_under_one_name(
    ground: Ground, registry: Registry, configure: Callable[..., Any]
) -> None:
    choice = found(ground, registry, configure)
    methods = [replace(each.candidate.config, resolved={}) for each in choice.findings]
    assert len({repr(method) for method in methods}) == len(methods)
    assert all(isinstance(each.candidate, Candidate) for each in choice.findings)


@pytest.mark.parametrize(
    ("sure", "dearer"),
    [
        # how sure the cheapest, and the dearest, are on what is held out; those between were picked from, and no more
        ((0.9, 0.95), []),
        ((0.6, 0.95), ["surer", "less sure"]),
        ((0.6, 0.7), ["dearest", "surer", "less sure"]),
        ((0.4, 0.95), []),
    ],
)
def test_where_the_cheapest_is_likely_to_do_and_no_more_dearer_ones_are_confirmed(
    sure: tuple[float, float], dearer: list[str], configure: Callable[..., Any]
) -> None:
    config = configure({"plugin": "rate"})

    def finding(name: str, energy: float, sure: float, confirmed: bool = False) -> Finding:
        evidence = Evidence(8, 0.9, 0.9, energy, 1.0, 1.0, (energy,), by_sample=True)
        return Finding(Candidate(name, name.partition(",")[0], config), evidence, sure, confirmed=confirmed)

    made = (
        finding("cheapest", 1.0, sure[0], confirmed=True),
        finding("less sure", 2.0, 0.6),
        finding("surer", 3.0, 0.8),
        finding("surer, and the same", 3.0, 0.8),
        finding("dear", 9.0, sure[1], confirmed=True),
        finding("dearest", 10.0, 0.99),
        finding("cheaper", 0.5, 0.99),
    )
    hunting = object.__new__(hunt._Hunt)
    hunting.aim, hunting.findings = Aim(), {each.candidate.name: each for each in made}
    assert [each.candidate.name for each in hunting._dearer(0.75)] == dearer


@pytest.mark.parametrize(
    ("timesteps", "frames", "tried"), [((4, 1, 2, 4), None, [1, 2, 4]), ((1, 8, 16), 10, [1, 8, 10]), ((16,), 10, [10])]
)
def test_data_of_frames_has_no_more_timesteps_than_these(
    timesteps: tuple[int, ...], frames: int | None, tried: list[int]
) -> None:
    assert ladder(timesteps, frames) == tried
