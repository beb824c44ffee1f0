"""What a reproduction found, line by line: a published number and ours."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from snnfw.config.published import ExperimentRow, Published
from snnfw.errors import SnnfwError

ENERGY = "energy"
"""The metric that is the energy of one sample in millijoules."""


@dataclass(frozen=True, slots=True)
class Line:
    """One number beside the published one, scores in percent; None where there is none.

    ``published_timesteps`` is where the published number was measured, ``error`` why there is none of ours.
    """

    row: str
    table: str
    metric: str
    timesteps: int | None = None
    published_timesteps: int | None = None
    published: float | None = None
    ours: float | None = None
    network_published: float | None = None
    network: float | None = None
    energy_ratio: float | None = None
    samples: int | None = None
    folder: str = ""
    note: str = ""
    error: str = ""


def lines_of(row: ExperimentRow, report: Mapping[str, Any], timesteps: Sequence[int], folder: str) -> list[Line]:
    """Return a row's lines from a run's report, at some of its checkpoints; without any at the last one.

    A number stands at its own timesteps; only where there is none of these, beside all that are published.
    """
    points = {point["timestep"]: point for point in report["checkpoints"]}
    steps = [step for step in timesteps if step in points] or [max(points)]
    said = row.published or (Published("", row.label, row.metric),)
    return [_line(row, entry, report, points[step], folder) for step in steps for entry in _published_at(step, said)]


def _published_at(step: int, said: Sequence[Published]) -> Sequence[Published]:
    return [entry for entry in said if step in entry.values or not entry.values] or said


def _line(
    row: ExperimentRow, said: Published, report: Mapping[str, Any], point: Mapping[str, Any], folder: str
) -> Line:
    step = nearest_step(said, point["timestep"])
    return Line(
        row=row.label,
        table=said.table,
        metric=said.metric,
        timesteps=point["timestep"],
        published_timesteps=step,
        published=None if step is None else said.values[step],
        ours=read_metric(said.metric, report, point),
        network_published=said.network,
        network=_network(said.metric, report),
        energy_ratio=point["energy_ratio"],
        samples=report["samples"],
        folder=folder,
        note=said.note,
    )


def nearest_step(said: Published, timestep: int) -> int | None:
    """Return the timestep of the number to compare with: the same, the next one, or the last."""
    later = [step for step in said.values if step >= timestep]
    return min(later) if later else max(said.values, default=None)


def read_metric(metric: str, report: Mapping[str, Any], point: Mapping[str, Any]) -> float | None:
    """Return a metric at a checkpoint: a score in percent, the energy in millijoules, or what the method measured."""
    if metric == ENERGY:
        return float(point["energy"]["total"])
    if metric in point["scores"]:
        value = point["scores"][metric]
        return None if value is None else 100 * float(value)
    measured = report.get("measured") or {}
    if metric in measured:
        return float(measured[metric])
    from snnfw.report.report import PART  # brings in torch, which the list of experiments does without

    if PART in metric and metric.partition(PART)[0] in point["scores"]:
        return None  # a part that none of the samples has
    raise SnnfwError(
        f"the run reports no '{metric}': it has {', '.join([*point['scores'], ENERGY, *measured])}. "
        "Correct the metric in the experiment file."
    )


def _network(metric: str, report: Mapping[str, Any]) -> float | None:
    if metric == ENERGY:
        return float(report["network"]["energy"])
    value = report["network"]["scores"].get(metric)
    return None if value is None else 100 * float(value)


def as_csv(lines: Sequence[Line]) -> str:
    """Return the lines as a table for other programs."""
    written = io.StringIO()
    table = csv.DictWriter(written, [field.name for field in fields(Line)], lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(line) for line in lines)
    return written.getvalue()
