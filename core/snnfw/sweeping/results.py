"""What came out of a sweep: one table, one page that compares its runs, and one CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from snnfw.config.sweep import SweepConfig
from snnfw.errors import SnnfwError
from snnfw.files import write_file
from snnfw.report.answers import headline_of
from snnfw.report.reading import read_report
from snnfw.report.report import Report
from snnfw.report.side_by_side import (
    MOST_RUNS,
    Runs,
    require_comparable,
    show_side_by_side,
    side_page,
    side_records,
)
from snnfw.report.tables import plain_table
from snnfw.report.tabular import as_csv
from snnfw.sweeping.folder import JOBS
from snnfw.sweeping.status import RUN, Status

CSV = "sweep.csv"
PAGE = "sweep.html"


def write_results(config: SweepConfig, statuses: Mapping[str, Status], folder: Path, console: Console) -> None:
    """Print what the runs came to and what did not end, and write the page and the CSV; what is there is replaced."""
    done = {
        name: read_report(folder / JOBS / name / RUN) for name, status in statuses.items() if status.state == "done"
    }
    groups = group_comparable(done)
    for runs in groups:
        if len(groups) > 1:
            console.print(Text(_title(runs), style="bold"))
        show_side_by_side(runs, console, most=0)  # what varies is in the names
    show_unfinished(statuses, console)
    write_file(folder / CSV, sweep_csv(config, statuses, done))
    for stale in folder.glob(f"{Path(PAGE).stem}*.html"):
        stale.unlink()
    for number, runs in enumerate(groups):
        page = folder / (PAGE if number == 0 else f"{Path(PAGE).stem}-{number + 1}.html")
        shown = best_runs(runs)
        if len(shown) < len(runs):
            console.print(Text(f"the page shows the best {len(shown)} of {len(runs)} runs; {CSV} has all."))
        write_file(page, side_page(shown))
        console.print(Text(f"open {page}"), soft_wrap=True)


def group_comparable(done: Runs) -> list[dict[str, Report]]:
    """Return the runs in groups whose scores are of the same thing, each in the order of the jobs."""
    groups: list[dict[str, Report]] = []
    for name, report in done.items():
        for group in groups:
            first = next(iter(group))
            try:
                require_comparable({first: group[first], name: report})
            except SnnfwError:
                continue
            group[name] = report
            break
        else:
            groups.append({name: report})
    return groups


def best_runs(runs: Runs) -> dict[str, Report]:
    """Return as many runs as a page holds, those that score best, in their order."""
    if len(runs) <= MOST_RUNS:
        return dict(runs)
    ends = {name: headline_of(report, report.checkpoints[-1]) for name, report in runs.items()}
    best = sorted(ends, key=lambda name: -math.inf if math.isnan(ends[name]) else ends[name])[-MOST_RUNS:]
    return {name: report for name, report in runs.items() if name in best}


def sweep_csv(config: SweepConfig, statuses: Mapping[str, Status], done: Runs) -> str:
    """Return every checkpoint of every run, and every job that has none, with its value of each axis."""
    said = {
        job.name: {**job.values, "state": statuses[job.name].state, "reason": statuses[job.name].reason}
        for job in config.jobs
    }
    others = [{"run": name, **columns} for name, columns in said.items() if name not in done]
    return as_csv([*side_records(done, said), *others])


def show_unfinished(statuses: Mapping[str, Status], console: Console) -> None:
    """Print which jobs did not end well, and why."""
    table = plain_table()
    for heading in ("job", "state", "reason"):
        table.add_column(heading, overflow="fold")
    for name, status in statuses.items():
        if status.state != "done":
            table.add_row(Text(name), Text(status.state, style="red"), Text(status.reason))
    if table.row_count:
        console.print(table)


def _title(runs: Runs) -> str:
    first = next(iter(runs.values()))
    data = first.about.get("config", {}).get("data") or {}
    return f"{first.about.get('task')} on {data.get('name', 'its data')}"
