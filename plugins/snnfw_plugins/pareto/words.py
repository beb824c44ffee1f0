"""Say in words what a search looked for, what it found, what it chose and why, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WHY: Mapping[str, str] = {
    "cost": "the least change of the output among those that cost at most {times}what the plan as given costs",
    "sensitivity": "the cheapest among those that change the output at most {times}as much as the plan as given",
    "loss": "the cheapest whose score, tried as a whole plan, is within {budget:g} of the network's",
    "point": "the point that was asked for, number {point}",
}
"""Why a point was chosen, by what bounded the choice."""

UNITS: Mapping[str, tuple[str, float]] = {"mJ": ("µJ", 1e3), "events": ("events", 1.0)}
"""The unit that a cost is told in, and what its number is multiplied by."""


def explain_stage(record: Mapping[str, Any]) -> list[str]:
    """Return one stage of a search in sentences, from its record."""
    sites, name = len(record["chosen"]), record["name"]
    looked = "the neuron" if name == "neurons" else f"{' and '.join(name.split('-'))}"
    budget = record["budget"]
    times = "" if budget in (None, 1) else f"{budget:g} times "
    why = WHY[record["budgeted"]].format(budget=budget, times=times, point=record["point"])
    return [
        f"Looked for {looked} of each of {sites} site{'s' * (sites != 1)}, on calibration samples: how much each "
        "choice changes the output (its sensitivity), and what its events cost.",
        f"Found {record['points']} plans that no other one beats in both; chose number {record['point']}, {why}.",
        f"{_difference(record)}{_tried(record)}",
    ]


def explain_stages(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return all stages in sentences, each beginning where the one before it ended."""
    if len(records) == 1:
        return explain_stage(records[0])
    numbered = enumerate(records, start=1)
    return [
        f"Stage {number}, {record['name']}: {sentence[0].lower()}{sentence[1:]}" if first else sentence
        for number, record in numbered
        for first, sentence in zip((True, False, False), explain_stage(record), strict=True)
    ]


def _difference(record: Mapping[str, Any]) -> str:
    """Return what the events of the choice cost beside those of the plan as given."""
    unit, factor = UNITS[record["cost_unit"]]
    given, cost = record["uniform"]["cost"], record["cost"]
    before, after = record["uniform"]["sensitivity"], record["sensitivity"]
    if (cost, after) == (given, before):
        return f"That is the plan as given: its events cost {factor * cost:.3g} {unit} a sample."
    share = f", {cost / given - 1:+.1%}" if given and abs(cost / given - 1) >= 0.0005 else ""
    return (
        f"Its events cost {factor * cost:.3g} {unit} a sample instead of {factor * given:.3g} {unit}{share}; it "
        f"changes the output by {after:.3g} instead of {before:.3g}."
    )


def _tried(record: Mapping[str, Any]) -> str:
    tried = record.get("tried")
    if not tried:
        return ""
    own = next((point for point in tried["points"] if point["point"] == record["point"]), None)
    scored = f" {len(tried['points'])} of the plans were scored whole on samples to fit on"
    if own is None:
        return f"{scored}."
    return f"{scored}: the chosen one has {own['metric']:.4g}, and the network {tried['network']['metric']:.4g}."
