"""All runs of a sweep come into one table, one page and one CSV, with those that did not end."""

from __future__ import annotations

import csv
from pathlib import Path

from rich.console import Console

from made_jobs import leave_report, made_sweep
from made_reports import made_report
from snnfw.sweeping.folder import JOBS
from snnfw.sweeping.results import best_runs, group_comparable, write_results
from snnfw.sweeping.status import Status


def test_one_table_one_page_one_csv(tmp_path: Path) -> None:
    config = made_sweep(tmp_path)
    statuses = {job.name: Status("done") for job in config.jobs[:2]}
    statuses |= {config.jobs[2].name: Status("failed", "no data"), config.jobs[3].name: Status("lost", "=1+1")}
    for job in config.jobs[:2]:
        leave_report(tmp_path / JOBS / job.name, job.words)
    console = Console(record=True, width=120)
    write_results(config, statuses, tmp_path, console)
    text = console.export_text()
    assert "rate_timesteps=1  2 (1.50)  0.7500" in text
    assert "signed_timesteps=1  failed  no data" in text
    assert f"open {tmp_path / 'sweep.html'}" in text
    rows = list(csv.DictReader((tmp_path / "sweep.csv").open()))
    assert [(row["run"], row["plugin"], row["timesteps"], row["state"], row["timestep"]) for row in rows] == [
        ("rate_timesteps=1", "rate", "1", "done", "1"),
        ("rate_timesteps=1", "rate", "1", "done", "2"),
        ("rate_timesteps=2", "rate", "2", "done", "1"),
        ("rate_timesteps=2", "rate", "2", "done", "2"),
        ("signed_timesteps=1", "signed", "1", "failed", ""),
        ("signed_timesteps=2", "signed", "2", "lost", ""),
    ]
    assert rows[0]["energy_mj"] == "0.001"
    assert rows[5]["reason"] == "'=1+1"  # which a spreadsheet does not compute
    page = (tmp_path / "sweep.html").read_text()
    assert "rate_timesteps=1" in page
    assert "signed" not in page


def test_runs_of_other_data_have_a_page_of_their_own(tmp_path: Path) -> None:
    config = made_sweep(tmp_path, base=["task=classification,speech", "plugin=rate"])
    (tmp_path / "sweep-3.html").touch()  # of an earlier call
    statuses = {job.name: Status("done") for job in config.jobs}
    for job in config.jobs:
        leave_report(tmp_path / JOBS / job.name, job.words)
    console = Console(record=True, width=120)
    write_results(config, statuses, tmp_path, console)
    assert "classification on digits\n" in console.export_text(clear=False)
    assert "speech on digits\n" in console.export_text()
    assert sorted(each.name for each in tmp_path.glob("*.html")) == ["sweep-2.html", "sweep.html"]


def test_nothing_done_is_no_page(tmp_path: Path) -> None:
    config = made_sweep(tmp_path)
    write_results(config, {job.name: Status("failed", "x") for job in config.jobs}, tmp_path, Console(quiet=True))
    assert [each.name for each in tmp_path.iterdir()] == ["sweep.csv"]


def test_a_page_holds_the_best() -> None:
    runs = {f"r{n}": made_report() for n in range(30)}
    assert len(best_runs(runs)) == 24
    assert list(best_runs(runs))[-1] == "r29"
    assert [len(group) for group in group_comparable({**runs, "x": made_report(samples=3)})] == [30, 1]
