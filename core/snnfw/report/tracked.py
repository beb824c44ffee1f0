"""Put what runs, comparisons and trainings found into the plain form that trackers take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from snnfw.report.leaderboard import Entry, Leaderboard
from snnfw.report.report import Network, Report
from snnfw.values import Setting, Tracked

RUN, STATUS = "run", "status.json"
"""The folder of a run in that of a sweep's job, and what stands beside it."""

DESCRIBED = ("command", "plugin", "search", "exit", "converter")


def track_run(report: Report, folder: Path) -> Tracked:
    """Return a run as trackers take it: checkpoints by timestep."""
    about = report.about
    numbers = {
        **network_numbers(report.network),
        "seconds": report.seconds,
        "samples": report.samples,
        "spiking_share": report.spiking_share,
        **stage_numbers(about),
        **{f"measured/{name}": value for name, value in report.measured.items()},
    }
    return Tracked(
        name=name_of(folder),
        kind="run",
        parameters=flatten(about.get("config", {})),
        numbers=finite(numbers),
        points=checkpoint_points(report.checkpoints),
        tags=tags_of(about, headline=report.headline),
        folder=folder,
    )


def name_of(folder: Path) -> str:
    """Return what a run is called: its folder's name, and that of its job where it is one of a sweep."""
    job = folder.absolute().parent
    return job.name if folder.name == RUN and (job / STATUS).is_file() else folder.name


def track_comparison(board: Leaderboard, folder: Path) -> tuple[Tracked, tuple[Tracked, ...]]:
    """Return a comparison as trackers take it, and each of its methods."""
    shared = {key: value for key, value in board.about.get("config", {}).items() if key != "methods"}
    own = {given["name"]: given for given in board.about.get("config", {}).get("methods", ())}
    tags = tags_of(board.about, headline=board.headline)
    whole = Tracked(
        name=folder.name,
        kind="comparison",
        parameters=flatten(shared),
        numbers=finite({**network_numbers(board.network), **stage_numbers(board.about)}),
        points={},
        tags=tags,
        folder=folder,
        error=None if board.complete else "a method failed",
    )
    return whole, tuple(_track_entry(entry, {**shared, **own.get(entry.name, {})}, tags) for entry in board.entries)


def track_training(
    rows: Sequence[Mapping[str, Any]], config: Mapping[str, Any], about: Mapping[str, Any], folder: Path
) -> Tracked:
    """Return a training as trackers take it: the lines of its table by epoch."""
    read = {int(row["epoch"]): {name: row[name] for name in row if name != "epoch"} for row in rows}
    points = {
        epoch: finite({name: float(value) for name, value in row.items() if value not in ("", None)})
        for epoch, row in read.items()
    }
    return Tracked(
        name=folder.name,
        kind="training",
        parameters=flatten(config),
        numbers=finite(stage_numbers(about)),
        points=points,
        tags=tags_of(about),
        axis="epoch",
        folder=folder,
    )


def flatten(config: Mapping[str, Any]) -> dict[str, Setting]:
    """Return a configuration flat, by keys as words have them; the places in a list are numbers."""
    return dict(_flat(config, ""))


def finite(numbers: Mapping[str, float | None]) -> dict[str, float]:
    """Return what is a number that every tracker takes."""
    return {name: float(value) for name, value in numbers.items() if value is not None and math.isfinite(value)}


def network_numbers(network: Network) -> dict[str, float]:
    """Return what the network itself scores and costs."""
    scores = {f"network/{name}": value for name, value in network.scores.items()}
    return {**scores, "network/energy_mj": network.energy, "network/seconds": network.seconds}


def stage_numbers(about: Mapping[str, Any]) -> dict[str, float]:
    """Return the seconds that each stage took."""
    return {f"stage_seconds/{name}": value for name, value in about.get("stages", {}).items()}


def checkpoint_points(points: Sequence[Any]) -> dict[int, dict[str, float]]:
    """Return checkpoints, or a method's standings, by timestep, under the names of ``checkpoints.csv``."""
    return {point.timestep: finite(_point_numbers(point)) for point in points}


def tags_of(about: Mapping[str, Any], **more: str) -> dict[str, str]:
    """Return what a run is found by: its words, its method, its task, and versions."""
    told = {key: str(about[key]) for key in (*DESCRIBED, "task", "device", "created") if about.get(key)}
    versions = {f"version.{name}": str(version) for name, version in about.get("versions", {}).items()}
    return {**told, **versions, **more}


def _point_numbers(point: Any) -> dict[str, float | None]:
    """Return what a checkpoint, or a standing, which knows its seconds too, has."""
    return {
        **point.scores,
        "steps": point.steps,
        "energy_mj": point.energy.total,
        "energy_ratio": point.energy_ratio,
        "spikes": point.energy.spikes,
        "accumulations": point.energy.accumulations,
        "seconds": getattr(point, "seconds", None),
    }


def _track_entry(entry: Entry, config: Mapping[str, Any], tags: Mapping[str, str]) -> Tracked:
    plain = {key: value for key, value in config.items() if key != "name"}
    return Tracked(
        name=entry.name,
        kind="method",
        parameters=flatten(plain),
        numbers=finite({"samples": entry.samples}),
        points=checkpoint_points(entry.standings),
        tags={**{key: value for key, value in tags.items() if key != "command"}, "method": entry.name},
        error=entry.error,
    )


def _flat(value: Any, key: str) -> Iterator[tuple[str, Setting]]:
    if isinstance(value, Mapping) and value:
        for name, entry in value.items():
            # What is chosen by name goes by its key alone, as a word has it.
            inner = key if name == "name" and key else f"{key}.{name}" if key else str(name)
            yield from _flat(entry, inner)
    elif isinstance(value, list | tuple) and any(isinstance(entry, Mapping | list | tuple) for entry in value):
        for at, entry in enumerate(value):
            yield from _flat(entry, f"{key}.{at}" if key else str(at))
    else:
        yield key, value if isinstance(value, str | int | float | bool | None) else str(value)
