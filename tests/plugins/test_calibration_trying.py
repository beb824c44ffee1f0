"""A threshold is ruled out on some of the values only where another is better on all of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from snnfw_plugins.calibration import trying
from snnfw_plugins.calibration.trying import first_least, stages


def rounded(values: Tensor, threshold: Tensor) -> Tensor:
    return (values / threshold).round() * threshold


def noise(rows: int, columns: int) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("columns", [1, 64, 65, 1000, 100_000])
def test_stages_cover_a_row_once(columns: int) -> None:
    parts = list(stages(columns))
    assert parts[0][0] == 0
    assert parts[-1][1] == columns
    assert all(end == begin for (_, end), (begin, _) in pairwise(parts))


@pytest.mark.parametrize(("rows", "columns"), [(1, 70_000), (5, 3000), (40, 50)])
def test_the_least_is_found_also_where_the_first_values_mislead(rows: int, columns: int) -> None:
    values = noise(rows, columns)
    values[:, : columns // 8] *= 0.01
    thresholds = values.amax(1, keepdim=True) * torch.linspace(1, 0.06, 40)
    errors = torch.stack([(rounded(values, t) - values).square().double().sum(1) for t in thresholds.split(1, 1)], 1)
    wanted = thresholds.gather(1, errors.argmin(1, keepdim=True)).squeeze(1)
    assert torch.equal(first_least(values, rounded, thresholds), wanted)


def test_most_thresholds_see_few_values() -> None:
    values, seen = noise(8, 8000), [0]
    thresholds = values.amax(1, keepdim=True) * torch.linspace(1, 0.06, 40)

    def counted(some: Tensor, threshold: Tensor) -> Tensor:
        seen[0] += some.numel()
        return rounded(some, threshold)

    first_least(values, counted, thresholds)
    assert seen[0] < 0.3 * values.numel() * 40


def test_of_equals_the_first_is_taken_and_only_possible_ones() -> None:
    values, thresholds = torch.zeros(2, 300), torch.arange(1.0, 11.0).expand(2, -1)
    assert first_least(values, rounded, thresholds).tolist() == [1, 1]
    possible = torch.zeros(2, 10, dtype=torch.bool)
    possible[0, 3:5] = possible[1, 7] = True
    assert first_least(values, rounded, thresholds, possible).tolist() == [4, 8]


def test_values_are_quantised_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = noise(3, 5000)
    thresholds = values.amax(1, keepdim=True) * torch.linspace(1, 0.06, 20)
    found = first_least(values, rounded, thresholds)
    monkeypatch.setattr(trying, "BLOCK", 100)
    assert torch.equal(first_least(values, rounded, thresholds), found)
