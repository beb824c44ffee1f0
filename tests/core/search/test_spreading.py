"""Measurements on workers are those of one process, to the last bit, whoever makes them and whoever dies."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pytest
import torch

from networks import ConvNet, captured, noise
from snnfw.archive.sending import REDUCERS
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.errors import SnnfwError
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Rule
from snnfw.search.questions import Question
from snnfw.search.sensitivity import Table, measure
from snnfw.search.spreading import measure_all, portable
from snnfw.search.trials import Trials
from snnfw.search.workers import Workers
from snnfw.values import Data, Judgement, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.launchers.clusters import Ray
from snnfw_plugins.launchers.processes import Local
from turned_launcher import Turned


def logits(output: Any) -> Any:
    return output


def trials_of(workers: Workers | None = None, tell: Callable[[str], None] = print) -> Trials:
    x = noise(6, 3, 8, 8)
    data = Data([(part,) for part in x.split(4)], ())
    judgement = Judgement(dict, "accuracy", logits=logits)  # type: ignore[arg-type]  # nothing is scored
    resources = replace(Resources(), tell=tell)
    graph = captured(ConvNet, x[:3])
    return Trials(graph, data, judgement, Calibration(bias=True), 4, Horowitz(), resources, workers=workers)


def planned(trials: Trials) -> Plan:
    return place(trials.graph, (Rule("*", AdaFire(phi=4)),))


def table_of(trials: Trials, thresholds: Any = "own", cache: Path | None = None) -> Table:
    plan = planned(trials)
    rows = {placement.site.name: [AdaFire(phi=phi) for phi in (1, 2, 4)] for placement in plan.placements}
    return measure(plan, rows, Question("symmetric_kl", "energy", thresholds), trials, cache)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("thresholds", ["own", "kept"])
def test_a_table_measured_elsewhere_in_any_order_is_the_same(thresholds: str, tmp_path: Path) -> None:
    said: list[str] = []
    here = table_of(trials_of(), thresholds, tmp_path / "here")
    there = table_of(trials_of(Workers(Turned((1,)), REDUCERS), said.append), thresholds, tmp_path / "there")
    assert there == here
    assert all("are given again: the node went away." in line for line in said)
    assert said


def test_what_was_measured_there_is_known_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = table_of(trials_of(Workers(Turned(), REDUCERS)), "kept", tmp_path)
    monkeypatch.setattr("snnfw.search.sensitivity.measure_cells", None)
    assert table_of(trials_of(), "kept", tmp_path) == first


@pytest.mark.parametrize("name", ["local", "ray"])
def test_processes_measure_the_same(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    pytest.importorskip("joblib" if name == "local" else name)
    if name == "ray":
        request.getfixturevalue("ray_here")
    launcher: Any = Local(workers=1) if name == "local" else Ray(workers=1)
    here = table_of(trials_of(), "own", tmp_path / "here")
    assert table_of(trials_of(Workers(launcher, REDUCERS)), "own", tmp_path / "there") == here


def die_once(trials: Trials, asked: tuple[int, Path, int]) -> int:
    number, mark, caller = asked
    if number == 1 and not mark.exists():
        mark.touch()
        assert os.getpid() != caller
        os.kill(os.getpid(), signal.SIGKILL)
    return number * trials.timesteps


def test_what_a_killed_worker_had_is_measured_again(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    said: list[str] = []
    trials = trials_of(Workers(Local(workers=1), REDUCERS), said.append)
    items = [(number, tmp_path / "mark", os.getpid()) for number in range(3)]
    assert dict(measure_all(trials, die_once, items)) == {0: 0, 1: 4, 2: 8}
    assert len(said) == 1
    assert "SIGKILL" in said[0]


def test_what_is_lost_again_and_again_is_an_error() -> None:
    trials = trials_of(Workers(Turned(always=True), REDUCERS))
    with pytest.raises(SnnfwError) as caught:
        dict(measure_all(trials, draw, [1, 2]))
    assert str(caught.value) == (
        "item 1 of 2 was lost 3 times: the node went away. Give workers more memory, or have fewer."
    )


def draw(trials: Trials, number: int) -> tuple[float, ...]:
    return number, float(torch.rand(1)), random.random(), float(np.random.random())  # noqa: S311  # seeded


def refuse(trials: Trials, number: int) -> None:
    raise SnnfwError(f"not {number}.")


def test_every_item_draws_alike_wherever_and_whenever() -> None:
    before = torch.get_rng_state()
    here = dict(measure_all(trials_of(), draw, [1, 2, 3]))
    there = dict(measure_all(trials_of(Workers(Turned((0,)), REDUCERS)), draw, [1, 2, 3]))
    assert there == here
    assert len({drawn[1:] for drawn in here.values()}) == 1
    assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize("workers", [None, Workers(Turned(), REDUCERS)])
def test_a_refusal_comes_home(workers: Workers | None) -> None:
    with pytest.raises(SnnfwError) as caught:
        dict(measure_all(trials_of(workers), refuse, [1, 2]))
    assert str(caught.value) in ("not 1.", "not 2.")


def test_what_cannot_be_sent_is_refused() -> None:
    trials = replace(trials_of(Workers(Turned(), REDUCERS)), costs=Lock())  # type: ignore[arg-type]  # no price list
    with pytest.raises(SnnfwError) as caught:
        dict(measure_all(trials, draw, [1]))
    assert str(caught.value).startswith("what launcher 'turned' is given cannot be sent to a worker (TypeError: ")
    assert str(caught.value).endswith("): leave the launcher out.")


def test_what_is_sent_holds_the_samples_and_nobody_to_tell() -> None:
    trials = replace(trials_of(Workers(Turned())), converter=Direct())
    sent = portable(replace(trials, data=replace(trials.data, evaluation=[()])))  # type: ignore[list-item]
    assert (sent.workers, list(sent.data.evaluation), len(list(sent.data.calibration))) == (None, [], 2)
    assert sent.resources.tell is not print
