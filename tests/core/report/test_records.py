from __future__ import annotations

from typing import Any

import pytest

from snnfw.report.records import (
    SweepPoint,
    chosen_point,
    describe_record,
    frontier_points,
    site_choices,
    sweep_points,
    uniform_points,
)

RECORD = {
    "name": "pareto",
    "budget": 0.5,
    "cost": 0.123456,
    "sensitivity": 2,
    "uniform": {"cost": 0.25, "sensitivity": 0.75},
    "frontier": [[0.25, 0.5], (0.5, 0.25), ["a", 1], [1]],
    "chosen": {"relu": {"name": "adafire", "phi": 2}, "relu#2": "if"},
    "stages": [1, 2],
}


def test_a_search_is_told_in_one_line() -> None:
    assert describe_record(RECORD) == (
        "name pareto, budget 0.5, cost 0.1235, sensitivity 2, uniform (cost 0.25, sensitivity 0.75)"
    )


def test_the_frontier_holds_what_is_a_point() -> None:
    assert frontier_points(RECORD) == [(0.25, 0.5), (0.5, 0.25)]
    assert chosen_point(RECORD) == (0.123456, 2.0)


@pytest.mark.parametrize(
    ("uniform", "points"),
    [
        ({"cost": 1, "sensitivity": 2}, [(1.0, 2.0)]),
        ([1, 2], [(1.0, 2.0)]),
        ([[1, 2], [3, 4]], [(1.0, 2.0), (3.0, 4.0)]),
        ({"phi=2": [1, 2], "phi=4": {"cost": 3, "sensitivity": 4}}, [(1.0, 2.0), (3.0, 4.0)]),
        (None, []),
        (0.5, []),
        ([True, False], []),
    ],
)
def test_uniform_plans_may_be_one_or_several(uniform: Any, points: list[tuple[float, float]]) -> None:
    assert uniform_points({"uniform": uniform}) == points


def test_the_choice_of_each_site_is_told() -> None:
    assert site_choices(RECORD) == [("relu", "adafire(phi=2)"), ("relu#2", "if")]
    assert site_choices({"chosen": 3}) == []


def test_a_sweep_is_ordered_by_timesteps_and_holds_what_is_complete() -> None:
    tried = [
        {"threshold": 0.5, "mean_steps": 3, "score": 0.75},
        {"threshold": 0.25, "mean_steps": 2.5, "score": 0.5},
        {"threshold": 1},
        "nothing",
    ]
    assert sweep_points({"sweep": tried}) == [SweepPoint(0.25, 2.5, 0.5), SweepPoint(0.5, 3.0, 0.75)]
