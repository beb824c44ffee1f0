"""Write the numbers of a report or a leaderboard as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from snnfw.report.leaderboard import Leaderboard
from snnfw.report.report import Checkpoint, Layer, Operator, Report

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet compute the text behind it."""

LAYERS = tuple(field.name for field in fields(Layer) if field.name != "parameters")
OPERATORS = tuple(field.name for field in fields(Operator))
"""The columns of layers and operators: what they hold, without a method's parameters, of which ``method`` tells."""


def report_csv(report: Report) -> dict[str, str]:
    """Return checkpoints, layers and operators as CSV, by file."""
    metrics = list(dict.fromkeys([*report.metrics, *(name for names in report.parts.values() for name in names)]))
    return {
        "checkpoints.csv": as_csv([_network_row(report, metrics), *_checkpoint_rows(report.checkpoints, metrics)]),
        "layers.csv": as_csv([{name: getattr(layer, name) for name in LAYERS} for layer in report.layers]),
        "operators.csv": as_csv([{name: getattr(each, name) for name in OPERATORS} for each in report.operators]),
    }


def leaderboard_csv(board: Leaderboard) -> str:
    """Return every standing of every method as CSV."""
    named = {name: None for entry in board.entries for standing in entry.standings for name in standing.scores}
    metrics = list({**dict.fromkeys(board.network.scores), **named})
    own = _network_row(board, metrics)
    rows = [
        {"method": entry.name, **_checkpoint_row(standing, metrics), "seconds": standing.seconds, "error": entry.error}
        for entry in board.entries
        for standing in entry.standings
    ]
    failed = [{"method": entry.name, "error": entry.error} for entry in board.entries if not entry.standings]
    return as_csv([{"method": "network", **own}, *rows, *failed])


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV under the names of all their columns; nothing in it is computed where it is opened."""
    columns = list({name: None for row in rows for name in row})
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow([harmless(name) for name in columns])
    writer.writerows([harmless(row.get(name)) for name in columns] for row in rows)
    return written.getvalue()


def harmless(value: Any) -> Any:
    """Return a cell; text that a spreadsheet would take for a formula stands behind an apostrophe."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _checkpoint_rows(points: Iterable[Checkpoint], metrics: Sequence[str]) -> list[dict[str, Any]]:
    return [_checkpoint_row(point, metrics) for point in points]


def _checkpoint_row(point: Any, metrics: Sequence[str]) -> dict[str, Any]:
    """Return what a checkpoint, or a standing, has; energies in millijoules."""
    return {
        "timestep": point.timestep,
        "steps": point.steps,
        "reads": point.reads,
        **{name: point.scores.get(name) for name in metrics},
        "energy_mj": point.energy.total,
        "energy_ratio": point.energy_ratio,
        "spikes": point.energy.spikes,
        "bits": point.energy.bits,
        "accumulations": point.energy.accumulations,
        "quantised_mj": point.energy.quantised,
        "quantised_bits": point.energy.quantised_bits,
    }


def _network_row(report: Report | Leaderboard, metrics: Sequence[str]) -> dict[str, Any]:
    own = report.network
    scores = {name: own.scores.get(name) for name in metrics}
    return {"timestep": "network", "steps": None, "reads": None, **scores, "energy_mj": own.energy, "energy_ratio": 1.0}
