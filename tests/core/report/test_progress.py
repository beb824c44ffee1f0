from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from snnfw import durations
from snnfw.durations import describe_duration
from snnfw.report.progress import describe_stages, show_progress
from snnfw.values import Resources


class Stopwatch:
    """Let every step take so many seconds."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def perf_counter(self) -> float:
        self.now += self.step
        return self.now


def told(monkeypatch: pytest.MonkeyPatch, seconds: float, steps: int, description: str = "simulate") -> list[str]:
    """Return what is told of steps that take so many seconds each."""
    lines: list[str] = []
    track = show_progress(Console(file=io.StringIO()), lines.append, timesteps=8)
    monkeypatch.setattr(durations, "time", Stopwatch(seconds))
    assert list(track(range(steps), description)) == list(range(steps))
    return lines


@pytest.mark.parametrize(
    ("seconds", "steps", "lines"),
    [
        (6.0, 5, ["simulate: about 20 seconds (5 steps at T = 8)."]),
        (0.1, 41, []),
        (19.0, 2, []),
        (21.0, 2, ["simulate: about 20 seconds (2 steps at T = 8)."]),
        (6.0, 0, []),
        (
            6.0,
            30,
            [
                "simulate: about 3 minutes (30 steps at T = 8).",
                "simulate: 11 of 30 done, about 2 minutes left.",
                "simulate: 21 of 30 done, about 50 seconds left.",
            ],
        ),
    ],
)
def test_what_is_long_is_told_in_a_log_and_again_each_minute(
    seconds: float, steps: int, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(monkeypatch, seconds, steps) == lines


def test_what_takes_hours_is_told_of_less_and_less(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(told(monkeypatch, 20.0, 10 * 180)) == 48  # each minute, then after a tenth of the time so far


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def drawn(console: Console) -> str:
    """Return what was drawn, without colours and without what moves the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())  # type: ignore[attr-defined]  # it is a StringIO


def test_in_a_terminal_a_bar_tells_the_time_left_and_no_line_does_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    console = terminal()
    monkeypatch.setattr(durations, "time", Stopwatch(6.0))
    assert len(list(show_progress(console, lines.append)(range(30), "simulate [red]"))) == 30
    assert lines == ["simulate [red]: about 3 minutes (30 steps)."]
    assert re.search(r"simulate \[red\] \S* *\d+/30 \S+ left", drawn(console))


def test_a_loop_within_a_loop_is_a_bar_of_its_own_and_one_that_is_left_goes() -> None:
    console = terminal()
    track = show_progress(console)
    for _ in track(range(2), "outer"):
        assert list(track(iter("abc"), "inner", 3)) == ["a", "b", "c"]
        for _ in track(range(9), "left early"):
            break
    assert list(track(range(2), "afterwards")) == [0, 1]
    assert {"outer", "inner", "left early", "afterwards"} <= set(drawn(console).split()) | {"left early"}
    assert "outer" not in drawn(console).rsplit("afterwards", 1)[1]


def test_only_a_simulation_has_timesteps(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, 50.0, 3, "try plans") == ["try plans: about 2 minutes (3 steps)."]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 seconds"), (7.4, "7 seconds"), (44, "40 seconds"), (240, "4 minutes"), (9000, "2.5 hours")],
)
def test_durations_are_told_as_somebody_would_say_them(seconds: float, words: str) -> None:
    assert describe_duration(seconds) == words


def test_stages_add_up_and_short_ones_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Resources().clock
    for name in ("load", "convert", "load"):
        with clock.stage(name):
            pass
    assert list(clock.seconds) == ["load", "convert"]
    assert describe_stages({"load": 1.26, "convert": 0.01}) == "load 1.3 s"
