from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from made_reports import made_board
from snnfw.report.leaderboard import Leaderboard
from snnfw.report.leaderboard_page import leaderboard_page
from snnfw.report.leaderboard_table import show_leaderboard
from snnfw.report.leaders import describe_failures, describe_leaders
from snnfw.report.tabular import leaderboard_csv


def scored(score: float, ratio: float = 0.5) -> Leaderboard:
    board = made_board()
    good, bad = board.entries
    points = tuple(replace(each, scores={"accuracy": score}, energy_ratio=ratio) for each in good.standings)
    return replace(board, entries=(replace(good, standings=points), bad))


def test_who_is_best_cheapest_and_soonest_stands_first() -> None:
    assert describe_leaders(scored(0.895)) == [
        "Of 2 methods good scores best: accuracy 89.5% at T=2; the network itself has 90.0%.",
        "Within a point of the network good is cheapest: 1 µJ a sample at T=1, about half of the network's 2 µJ (50.0%).",
        "good is there soonest, at T=1.",
    ]
    assert describe_leaders(scored(0.5))[1:] == ["None comes within a point of the network."]
    assert describe_leaders(scored(0.895, math.nan))[1] == (
        "Within a point of the network good is cheapest: 1 µJ a sample at T=1."
    )
    unscored = replace(made_board().network, scores={})
    assert len(describe_leaders(replace(scored(0.895), network=unscored))) == 1  # near to nothing that is known
    said = describe_leaders(scored(0.895))
    console = Console(file=io.StringIO(), width=200)
    show_leaderboard(scored(0.895), console)
    for shown in (console.file.getvalue(), leaderboard_page(scored(0.895)).replace("&#39;", "'")):  # type: ignore[attr-defined]  # the StringIO
        assert all(sentence in shown for sentence in said)


def test_all_that_score_best_are_named() -> None:
    board = scored(0.9)
    equal = replace(board, entries=(*board.entries, replace(board.entries[0], name="also")))
    assert describe_leaders(equal)[0].startswith("Of 3 methods good and also score best: accuracy 90.0% at T=2")


def test_what_failed_and_what_costs_more_is_warned_of() -> None:
    assert describe_failures(scored(0.9)) == ["bad got no further, see below."]
    guessing = replace(scored(0.12), chance=0.1)
    assert describe_failures(guessing)[1] == "good scores no better than guessing (10.0%) at the end."
    assert describe_failures(scored(0.9, 1.5))[1] == "good takes more energy than the network itself at the end."


@pytest.mark.parametrize("score", [math.nan, 0.9])
def test_a_board_is_a_page_and_a_table_whatever_its_scores(score: float) -> None:
    page = leaderboard_page(scored(score))
    assert "it overflowed" in page
    assert page.count("<main>") == 1
    rows = leaderboard_csv(scored(score)).splitlines()
    assert [row.split(",")[0] for row in rows] == ["method", "network", "good", "good", "bad"]


def test_a_board_on_which_nobody_got_anywhere_is_shown() -> None:
    board = made_board()
    nobody = replace(board, entries=tuple(replace(entry, standings=(), error="no") for entry in board.entries))
    assert describe_leaders(nobody) == []
    assert "good and bad got no further" in leaderboard_page(nobody)


def test_a_board_of_many_timesteps_fits_80_columns() -> None:
    board = made_board()
    steps = tuple(2**number for number in range(10))
    entry = replace(board.entries[0], name="a method of a very long name indeed, with [red]markup")
    many = tuple(replace(entry.standings[0], timestep=step) for step in steps)
    console = Console(file=io.StringIO(), width=80)
    show_leaderboard(replace(board, checkpoints=steps, entries=(replace(entry, standings=many),)), console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]  # the StringIO
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if "…" in line]
    assert sum("T=512" in line for line in lines) == 7  # once in the sentences, and once in each table
    assert any("[red]" in line for line in lines)
