"""Write docs/reference/papers.md: every row of the papers' tables, with the command that runs it or why none does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from snnfw import Registry
from snnfw.config import Experiment, ExperimentRow, Published, list_experiments

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "papers.md"
PLUGINS = ("adafire", "msat", "ibra", "inflor")
TITLES = {"adafire": "Adaptive Calibration", "msat": "MSAT", "ibra": "IBRA-LIF", "inflor": "InfLoR"}

HEAD = """# The papers' tables, row by row

Every row of every table of the four papers: what is published, the command that runs it, what came out where it could
be run, and why not where it could not. **Nothing was run at its full length here**: CIFAR, ImageNet, VOC, COCO,
ShapeNet and the event sets are not at hand, so that *ours* is empty except where the data is embedded. Every command
was run shortened, on a few made-up samples in the layout in which its data is published
([how](../howto/experiments.md)).

Scores are in percent, energy in mJ. *Network* is what the paper says of the network itself. This page is written by
`python -m tools.paper_tables` from the experiment files and from `published.yaml` beside each plugin, and a test holds
it against them.
"""

NEEDS = {
    "nothing": "",
    "train": "needs the data and the whole training",
    "train-network": "needs the data, and weights or the whole training",
    "weights": "needs the data and weights",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the page."""

    table: str
    row: str
    metric: str
    values: str
    network: str
    command: str
    ours: str
    remark: str

    def line(self) -> str:
        """Return the line as Markdown has it."""
        cells = (self.row, self.metric, self.values, self.network, self.command, self.ours, self.remark)
        return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def page(experiments: tuple[Experiment, ...]) -> str:
    """Return the whole page."""
    return HEAD + "".join(section(plugin, experiments) for plugin in PLUGINS)


def section(plugin: str, experiments: tuple[Experiment, ...]) -> str:
    """Return one paper's tables."""
    folder = Path(__file__).resolve().parents[1] / "plugins" / "snnfw_plugins" / plugin
    elsewhere = yaml.safe_load((folder / "published.yaml").read_text(encoding="utf-8"))
    entries = [
        entry
        for experiment in experiments
        if experiment.name.startswith(f"{plugin}/")
        for entry in entries_of(experiment, experiments)
    ]
    entries += [entry_of_other(row) for row in elsewhere["rows"]]
    written = f"\n## {TITLES[plugin]}\n\n{elsewhere['paper']}.\n"
    for table in sorted({entry.table for entry in entries}, key=order):
        written += f"\n### {name_of(table)}\n\n| row | metric | published | network | command | ours | remark |\n"
        written += "|---|---|---|---|---|---|---|\n"
        written += "".join(f"{entry.line()}\n" for entry in entries if entry.table == table)
    return written


def entries_of(experiment: Experiment, experiments: tuple[Experiment, ...]) -> list[Entry]:
    """Return the lines of one experiment file."""
    found = []
    for row in experiment.rows:
        owner = next(other for other in experiments if other.name == row.experiment)
        said = row.published or (Published(own_table(experiment), row.label, row.metric),)
        found += [entry_of_row(experiment, owner, row, one) for one in said]
    return found


def own_table(experiment: Experiment) -> str:
    """Return the table that a file is named after: ``ibra/table1`` is of table 1, ``digits`` of none."""
    name = experiment.name.partition("/")[2]
    return name.removeprefix("table") if name.startswith("table") else name.replace("figure", "figure ")


def entry_of_row(experiment: Experiment, owner: Experiment, row: ExperimentRow, said: Published) -> Entry:
    """Return the line of one published number."""
    narrowed = f" 'rows={row.label}'" if experiment.tabulated else ""
    measured = format_values(row.measured) if said.metric == row.metric else ""
    needs = "" if row.measured else NEEDS[owner.prepare]
    return Entry(
        table=said.table,
        row=said.row,
        metric=said.metric,
        values=format_values(said.values) or "-",
        network=format_number(said.network),
        command=f"`snnfw reproduce {experiment.name}{narrowed}`",
        ours=measured or "-",
        remark="; ".join(filter(None, (said.note, needs))),
    )


def entry_of_other(row: Mapping[str, Any]) -> Entry:
    """Return the line of a row that nothing here runs."""
    return Entry(
        table=str(row["table"]),
        row=str(row["row"]),
        metric=str(row.get("metric", "accuracy")),
        values=format_values(row.get("values", {})) or "-",
        network=format_number(row.get("network")),
        command="-",
        ours="-",
        remark="; ".join(filter(None, (row.get("note", ""), str(row["why"])))),
    )


def format_values(values: Mapping[int, float]) -> str:
    """Return numbers by timesteps: ``73.53 (T = 8), 74.25 (T = 16)``."""
    return ", ".join(f"{format_number(value)} (T = {step})" for step, value in values.items())


def format_number(value: float | None) -> str:
    """Return a number, with a third digit where it has one, or a dash."""
    if value is None:
        return "-"
    short = f"{value:.2f}"
    return short if float(short) == value else f"{value:.3f}"


def name_of(table: str) -> str:
    """Return a table's name."""
    return f"Table {table}" if table.isdecimal() else table[:1].upper() + table[1:]


def order(table: str) -> tuple[int, int, str]:
    """Return what tables are ordered by: tables, then figures, then others."""
    kind, _, number = table.partition(" ")
    if table.isdecimal():
        return 0, int(table), ""
    return (1, int(number), "") if kind == "figure" and number.isdecimal() else (2, 0, table)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(list_experiments(Registry())), encoding="utf-8")


if __name__ == "__main__":
    main()
