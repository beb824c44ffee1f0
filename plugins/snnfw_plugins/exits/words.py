"""Say in words what an exit rule looks at, and what calibration samples told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ASKED: Mapping[str, str] = {
    "entropy": "the entropy of its output's classes is low: 1 - entropy / its maximum is above a threshold",
    "confidence": "the likeliest class of its output is likely enough: its probability is above a threshold",
    "stability": "its output has stopped changing: 1 - distance to that of the timestep before is above a threshold",
}
"""What a sample has to fulfil to leave, by policy."""


def explain_thresholds(policy: str, thresholds: Sequence[float], told: Mapping[str, Any]) -> list[str]:
    """Return what the rule of some thresholds does, and what it did on calibration samples."""
    said = [f"A sample leaves as soon as {ASKED[policy]} {_range(thresholds)}."]
    minimum = told.get("minimum", 1)
    if minimum > 1:
        said.append(f"Nobody leaves before timestep {minimum}.")
    if searched := told.get("searched"):
        said.append(
            f"The thresholds were searched on calibration samples: of {searched['tried']} that were tried, "
            f"{searched['within']} let samples leave after {searched['latency']:g} timesteps on average or sooner, and "
            "these have the most right answers of them."
        )
    if expected := told.get("expected"):
        said.append(_expected(expected))
    return said


def explain_timestep(timestep: int) -> list[str]:
    """Return what the rule of one timestep does."""
    steps = f"{timestep} timestep{'s' * (timestep != 1)}"
    return [f"Every sample leaves after {steps}, in a network that was made for more: nothing was fitted."]


def _range(thresholds: Sequence[float]) -> str:
    low, high = min(thresholds), max(thresholds)
    return f"of {low:.4g}" if low == high else f"between {low:.4g} and {high:.4g}, one for each timestep"


def _expected(expected: Mapping[str, float | None]) -> str:
    score = expected.get("score")
    right = "" if score is None else f", with {score:.1%} right"
    return f"On calibration samples they leave after {expected['mean_steps']:.2f} timesteps on average{right}."
