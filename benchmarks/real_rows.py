"""What one setting came to on one network, as a row that is kept until it is measured again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.real_settings import Setting
from benchmarks.result import Result, Section, markdown
from benchmarks.timing import Measured
from snnfw import Report
from snnfw.files import write_file

AGREEMENT = "agreement"


@dataclass(frozen=True, slots=True)
class Row:
    """One setting on one network after some timesteps, by which command.

    Scores, ``agreement`` (samples whose largest logit is the network's own too), ``energy`` (of the network's) and
    ``accumulated`` (of the network's MACs) are shares of 1, and so is ``multiplied``, of MACs that are multiplied at
    every timestep; ``own_`` is the network's own. There is no agreement where it was not asked for, and no ``seconds``
    where a longer run was read on its way.
    """

    network: str
    setting: str
    words: str
    timesteps: int
    samples: int
    headline: str
    score: float
    own_score: float
    agreement: float | None
    energy: float
    accumulated: float
    multiplied: float
    seconds: float | None
    own_seconds: float
    command: str

    @property
    def key(self) -> tuple[str, str, int]:
        """Return what it is the row of."""
        return self.network, self.setting, self.timesteps


def rows_of(report: Report, network: str, setting: Setting, command: str) -> list[Row]:
    """Return a row for each checkpoint of a report."""
    return [
        Row(
            network=network,
            setting=setting.name,
            words=setting.words,
            timesteps=point.timestep,
            samples=report.samples,
            headline=report.headline,
            score=point.scores[report.headline],
            own_score=report.network.scores[report.headline],
            agreement=point.scores.get(AGREEMENT),
            energy=point.energy_ratio,
            accumulated=report.spiking_share,
            multiplied=report.multiplied_share,
            seconds=report.seconds if point is report.checkpoints[-1] else None,
            own_seconds=report.network.seconds,
            command=command,
        )
        for point in report.checkpoints
    ]


COLUMNS = (
    "setting",
    "T",
    "{} [%]",
    "network [%]",
    "agreement",
    "energy",
    "accumulated",
    "multiplied",
    "samples",
    "s",
    "network s",
)


def load(folder: Path, stem: str) -> list[Row]:
    """Return the rows that earlier commands have left."""
    path = folder / f"{stem}.json"
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))["rows"]] if path.is_file() else []


def merge(rows: Iterable[Row], networks: Sequence[str], settings: Sequence[Setting]) -> list[Row]:
    """Return the last row of each key, in the order of the tables, and none of what they do not hold with its words."""
    last = {row.key: row for row in rows}
    places = {
        (network, setting.name, timestep): setting.words
        for network in networks
        for setting in settings
        if setting.fits(network)
        for timestep in setting.timesteps
    }
    return [last[key] for key, words in places.items() if key in last and last[key].words == words]


def save(rows: Sequence[Row], folder: Path, stem: str) -> None:
    """Write STEM.json and STEM.md."""
    machine = describe("cpu")
    content = {"machine": machine, "rows": list(map(asdict, rows))}
    write_file(folder / f"{stem}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    write_file(folder / f"{stem}.md", page(rows, machine, stem))


def page(rows: Sequence[Row], machine: dict[str, str], stem: str) -> str:
    """Return the tables as Markdown, under every command that a row comes from."""
    commands = "\n    ".join(dict.fromkeys(row.command for row in rows))
    return markdown(Result(stem, commands, machine, tuple(sections(rows))))


def sections(rows: Iterable[Row]) -> Iterator[Section]:
    """Yield a table for each network, without the columns that none of its rows has anything in."""
    for network, group in groupby(rows, key=lambda row: row.network):
        held = list(group)
        table = [(*(column.format(held[0].headline) for column in COLUMNS), "words"), *map(_cells, held)]
        columns = [column for column in zip(*table, strict=True) if any(column[1:])]
        titles, *cells = zip(*columns, strict=True)
        seconds = {f"{row.setting}, T = {row.timesteps}": (row.seconds,) for row in held if row.seconds is not None}
        yield Section(network, titles, tuple(cells), Measured(seconds))


def _cells(row: Row) -> tuple[str, ...]:
    shares = (row.score, row.own_score)
    return (
        row.setting,
        str(row.timesteps),
        *(f"{100 * share:.2f}" for share in shares),
        "" if row.agreement is None else f"{row.agreement:.1%}",
        f"{row.energy:.1%}",
        f"{row.accumulated:.1%}",
        f"{row.multiplied:.1%}",
        str(row.samples),
        "" if row.seconds is None else f"{row.seconds:.1f}",
        f"{row.own_seconds:.1f}",
        f"`{row.words}`",
    )


def describe_settings(networks: Iterable[str], settings: Sequence[Setting]) -> Section:
    """Return what there is to measure, as a table without numbers."""
    rows: list[tuple[str, ...]] = [
        (network, setting.name, " ".join(map(str, setting.timesteps)), setting.words)
        for network in networks
        for setting in settings
        if setting.fits(network)
    ]
    return Section("Networks and settings", ("network", "setting", "T", "words"), tuple(rows), Measured({}))
