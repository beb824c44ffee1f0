from __future__ import annotations

import io

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
        (6.0, 41, ["simulate: about 4 minutes (41 steps at T = 8)."]),
        (0.1, 41, []),
        (19.0, 2, []),
        (21.0, 2, ["simulate: about 20 seconds (2 steps at T = 8)."]),
        (6.0, 0, []),
    ],
)
def test_what_will_be_long_is_told_once(
    seconds: float, steps: int, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(monkeypatch, seconds, steps) == lines


def test_only_a_simulation_has_timesteps(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, 60.0, 3, "try plans") == ["try plans: about 2 minutes (3 steps)."]


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
