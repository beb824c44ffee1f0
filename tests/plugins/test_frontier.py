"""The exact frontier against every combination."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from snnfw.errors import SnnfwError
from snnfw_plugins.pareto.frontier import Frontier, Rows, frontier, total


def tables(number: int) -> Iterator[tuple[Rows, Rows]]:
    """Yield small random tables: whole numbers with many ties, zeros and real numbers; uneven rows too."""
    rng = np.random.default_rng(7)
    for case in range(number):
        shape = [int(rng.integers(1, 5)) for _ in range(rng.integers(1, 6))]
        yield [draw(rng, case % 3, size) for size in shape], [draw(rng, case % 3, size) for size in shape]


def draw(rng: np.random.Generator, kind: int, size: int) -> list[float]:
    numbers = [rng.integers(0, 4, size).astype(float), rng.random(size), rng.integers(0, 2, size) * rng.random(size)]
    return [float(number) for number in numbers[kind]]


def every_sum(costs: Rows, values: Rows) -> list[tuple[float, float]]:
    choices = product(*(range(len(row)) for row in costs))
    return [(total(costs, choice), total(values, choice)) for choice in choices]


def non_dominated(sums: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return sorted(
        {
            (cost, value)
            for cost, value in sums
            if not any(c <= cost and v <= value and (c, v) != (cost, value) for c, v in sums)
        }
    )


def points(found: Frontier) -> list[tuple[float, float]]:
    return list(zip(found.cost.tolist(), found.value.tolist(), strict=True))


def test_it_holds_every_non_dominated_sum_and_nothing_else() -> None:
    for costs, values in tables(400):
        assert points(frontier(costs, values)) == non_dominated(every_sum(costs, values))


def test_choices_are_in_the_order_of_the_sites_and_add_up_to_the_sums() -> None:
    for costs, values in tables(400):
        found = frontier(costs, values)
        for (cost, value), choices in zip(points(found), found.choices.tolist(), strict=True):
            assert (total(costs, choices), total(values, choices)) == (cost, value)


def test_with_a_budget_it_is_what_the_whole_frontier_holds_within_it() -> None:
    rng = np.random.default_rng(3)
    for costs, values in tables(400):
        sums = every_sum(costs, values)
        for budget in (sums[int(rng.integers(len(sums)))][0], float(rng.random() * max(cost for cost, _ in sums))):
            expected = [point for point in non_dominated(sums) if point[0] <= budget]
            assert points(frontier(costs, values, budget)) == expected


def test_best_and_cheapest_equal_brute_force() -> None:
    rng = np.random.default_rng(5)
    for costs, values in tables(300):
        found, sums = frontier(costs, values), every_sum(costs, values)
        for budget in (float(rng.random() * 4), sums[int(rng.integers(len(sums)))][0]):
            within = [value for cost, value in sums if cost <= budget]
            best = found.best(budget)
            assert (found.value[best] if best >= 0 else None) == min(within, default=None)
        for budget in (float(rng.random() * 4), sums[int(rng.integers(len(sums)))][1]):
            within = [cost for cost, value in sums if value <= budget]
            cheapest = found.cheapest(budget)
            assert (found.cost[cheapest] if cheapest >= 0 else None) == min(within, default=None)


def test_any_choice_is_matched_by_a_point_that_costs_no_more_and_is_no_worse() -> None:
    rng = np.random.default_rng(11)
    costs, values = rng.random((19, 8)).tolist(), rng.random((19, 8)).tolist()
    found = frontier(costs, values)
    for _ in range(200):
        choice = rng.integers(0, 8, 19).tolist()
        assert found.value[found.best(total(costs, choice))] <= total(values, choice)


def test_of_equal_sums_the_first_candidate_stays() -> None:
    assert frontier([[1.0, 1.0]], [[2.0, 2.0]]).choices.tolist() == [[0]]


def test_fifty_sites_with_nineteen_candidates_are_searched_exactly() -> None:
    rng = np.random.default_rng(0)
    costs = np.cumsum(rng.random((50, 19)), 1) * rng.random((50, 1))
    values = np.exp(-np.cumsum(rng.random((50, 19)), 1)) * rng.random((50, 1))
    found = frontier(costs.tolist(), values.tolist())
    assert len(found) > 1000
    assert (np.diff(found.cost) > 0).all()
    assert (np.diff(found.value) < 0).all()


def test_a_resolution_thins_the_frontier_out_and_keeps_the_cheapest_point_and_the_best() -> None:
    rng = np.random.default_rng(2)
    costs, values = np.cumsum(rng.random((12, 6)), 1).tolist(), np.exp(-np.cumsum(rng.random((12, 6)), 1)).tolist()
    exact, thin = frontier(costs, values), frontier(costs, values, resolution=0.01)
    assert 10 < len(thin) <= 101 < len(exact)
    assert thin.cost[0] == exact.cost[0]
    assert thin.value[-1] == exact.value[-1]
    assert all(exact.value[exact.best(cost)] <= value for cost, value in points(thin))


@pytest.mark.parametrize(
    ("costs", "values", "sentence"),
    [
        ([[1.0, -1.0]], [[1.0, 1.0]], "a cost at site 0 is -1: it must be finite and at least 0."),
        ([[1.0], [1.0]], [[1.0], [float("nan")]], "a value at site 1 is nan: it must be finite and at least 0."),
        ([[float("inf")]], [[1.0]], "a cost at site 0 is inf: it must be finite and at least 0."),
        ([[]], [[]], "site 0 has no candidate: give at least one."),
        (
            [[1.0, 2.0]],
            [[1.0]],
            "costs and values must be tables of the same shape: a number per site and candidate.",
        ),
    ],
)
def test_tables_without_meaning_are_refused(costs: Rows, values: Rows, sentence: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        frontier(costs, values)
    assert str(caught.value) == sentence


def test_a_frontier_that_grows_too_large_says_what_can_be_done() -> None:
    costs = [[0.0, float(2**site)] for site in range(10)]
    values = [[float(2**site), 0.0] for site in range(10)]
    with pytest.raises(SnnfwError) as caught:
        frontier(costs, values, limit=100)
    assert str(caught.value) == (
        "the frontier has more than 100 points after 7 of 10 sites. Give fewer candidates, or "
        "search.resolution=1e-5 for an approximate frontier."
    )


def test_a_budget_below_the_least_possible_leaves_nothing() -> None:
    assert len(frontier([[2.0, 3.0], [1.0]], [[1.0, 0.0], [0.0]], budget=2.5)) == 0
