"""Read what searches and exit rules keep of themselves; a plugin may keep anything, so nothing is taken for granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snnfw.report.report import Report

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExitStep:
    """How many samples left after a timestep, as shares of all, and the rule's threshold there, if it says one."""

    timestep: int
    samples: int
    share: float
    cumulative: float
    threshold: float | None


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """What another threshold would give on calibration data: mean timesteps and score."""

    threshold: float
    steps: float
    score: float


def exit_steps(report: Report) -> list[ExitStep]:
    """Return a line for every timestep after which samples left."""
    rows, left = [], 0
    for timestep, count in sorted(report.exits.items()):
        left += count
        threshold = _threshold(report.exit or {}, timestep)
        rows.append(ExitStep(timestep, count, count / report.samples, left / report.samples, threshold))
    return rows


def describe_fitting(about: Record) -> str:
    """Return in a sentence which samples search and exit were fitted on; nothing where nothing was."""
    record = about.get("fitting")
    if not isinstance(record, Mapping):
        return ""
    if record.get("own"):
        return (
            f"{record.get('samples')} calibration samples are kept for search and exit alone; the conversion saw the "
            f"other {record.get('conversion')}."
        )
    return "Search and exit are fitted on the calibration samples that the conversion saw too, on which it does better."


def _threshold(record: Record, timestep: int) -> float | None:
    """Return the entry of ``thresholds`` for a timestep: by timestep, or as a list that begins at the first."""
    thresholds = record.get("thresholds")
    if isinstance(thresholds, Mapping):
        return _number(thresholds.get(timestep, thresholds.get(str(timestep))))
    if isinstance(thresholds, list | tuple) and timestep <= len(thresholds):
        return _number(thresholds[timestep - 1])
    return None


def sweep_points(record: Record) -> list[SweepPoint]:
    """Return the thresholds that were tried, by mean timesteps."""
    tried = []
    for entry in _as_list(record.get("sweep")):
        values = (
            [_number(entry.get(key)) for key in ("threshold", "mean_steps", "score")]
            if isinstance(entry, Mapping)
            else [None]
        )
        numbers = [value for value in values if value is not None]
        if len(numbers) == len(values):
            tried.append(SweepPoint(*numbers))
    return sorted(tried, key=lambda swept: swept.steps)


def frontier_points(record: Record) -> list[tuple[float, float]]:
    """Return the frontier's points: cost and sensitivity."""
    return [point for entry in _as_list(record.get("frontier")) if (point := _point(entry))]


def chosen_point(record: Record) -> tuple[float, float] | None:
    """Return cost and sensitivity of what the search chose."""
    return _point(record)


def uniform_points(record: Record) -> list[tuple[float, float]]:
    """Return cost and sensitivity of the uniform plans that the search was held against, one or several."""
    uniform = record.get("uniform")
    if point := _point(uniform):
        return [point]
    entries = list(uniform.values()) if isinstance(uniform, Mapping) else _as_list(uniform)
    return [point for entry in entries if (point := _point(entry))]


def candidates(record: Record) -> list[Record]:
    """Return the candidates that a search for the cheapest one confirmed on held-out samples, as rows."""
    rows = [row for row in _as_list(record.get("candidates")) if isinstance(row, Mapping)]
    needed = ("score", "network", "drop", "sure", "energy", "spikes", "steps")
    known = [row for row in rows if all(_number(row.get(key)) is not None for key in needed)]
    return [row for row in known if row.get("confirmed")]


def explained(record: Record) -> list[str]:
    """Return what a search or an exit rule says of itself in sentences, or else its words and numbers in one line."""
    said = [sentence for sentence in _as_list(record.get("explained")) if isinstance(sentence, str)]
    line = describe_record(record)
    return said or ([f"It kept of itself: {line}."] if line else [])


def describe_exits(report: Report) -> str:
    """Return in a sentence when evaluation samples left, where there is an exit rule."""
    rows = exit_steps(report)
    if not rows:
        return ""
    mean, most = report.checkpoints[-1].steps, max(rows, key=lambda row: row.share)
    return (
        f"On evaluation samples they left after {mean:.2f} timesteps on average, of {report.checkpoints[-1].timestep} "
        f"at most; {most.share:.1%} left after timestep {most.timestep}."
    )


def site_choices(record: Record) -> list[tuple[str, str]]:
    """Return every site with what the search chose for it."""
    sites = record.get("chosen")
    return [(str(site), _text(choice)) for site, choice in sites.items()] if isinstance(sites, Mapping) else []


def describe_record(record: Record) -> str:
    """Return the record's words and numbers in one line; what it holds of each site is for the page."""
    return ", ".join(
        f"{key} {_text(value)}"
        for key, value in record.items()
        if isinstance(value, str | int | float) or (key == "uniform" and isinstance(value, Mapping))
    )


def _text(value: Any) -> str:
    if isinstance(value, Mapping) and "name" in value:  # a method
        return f"{value['name']}({', '.join(f'{key}={entry}' for key, entry in value.items() if key != 'name')})"
    if isinstance(value, Mapping):
        return f"({', '.join(f'{key} {_text(entry)}' for key, entry in value.items())})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _point(entry: Any) -> tuple[float, float] | None:
    """Return cost and sensitivity, be they a pair or under their names."""
    pair = [entry.get("cost"), entry.get("sensitivity")] if isinstance(entry, Mapping) else _as_list(entry)[:2]
    numbers = [_number(value) for value in pair]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        return None
    return numbers[0], numbers[1]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
