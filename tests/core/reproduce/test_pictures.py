from __future__ import annotations

import pytest

from snnfw.config.published import Published
from snnfw.reproduce.lines import Line
from snnfw.reproduce.pictures import draw_reproduction
from snnfw.reproduce.tables import cells, describe_values


def line(
    row: str, timesteps: int, ours: float | None, published: float | None = None, metric: str = "accuracy"
) -> Line:
    step = timesteps if published is not None else None
    return Line(row, "1", metric, timesteps, step, published, ours, energy_ratio=0.25)


def test_rows_at_several_timesteps_are_lines_over_time() -> None:
    drawn = draw_reproduction([line("a", 2, 10.0, 20.0), line("a", 4, 30.0, 40.0), line("a", 4, 0.1, metric="energy")])
    assert drawn is not None
    assert drawn.startswith(b"<?xml")
    assert b"timesteps" in drawn or b"<path" in drawn


def test_rows_at_one_number_of_timesteps_are_points_over_energy() -> None:
    assert draw_reproduction([line("a", 2, 10.0), line("b", 2, 30.0)]) is not None


@pytest.mark.parametrize("lines", [[], [line("a", 2, 10.0)], [line("a", 2, None), line("b", 2, 1.0)]])
def test_a_single_number_is_no_picture(lines: list[Line]) -> None:
    assert draw_reproduction(lines) is None


def test_cells_say_where_another_number_of_timesteps_is_published() -> None:
    assert cells(line("a", 2, 10.0, 20.0)) == ("a", "accuracy", "2", "20.00", "10.00", "-", "25.0 %")
    other = Line("a", "1", "accuracy", 2, 8, 20.0, 10.0, 90.5, 50.25)
    assert cells(other) == ("a", "accuracy", "2", "20.00 (T = 8)", "10.00", "50.25 (published 90.50)", "")
    assert cells(Line("a", "1", "accuracy", error="no data")) == ("a", "accuracy", "", "", "not run", "", "")


def test_published_numbers_are_told_with_their_unit() -> None:
    assert describe_values(Published("1", "a", values={8: 73.5}, network=75.36)) == "73.50 % at T = 8 (network 75.36 %)"
    assert describe_values(Published("1", "a", "energy", {1: 0.44})) == "0.44 mJ at T = 1"
