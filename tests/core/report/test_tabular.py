from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from made_reports import made_report
from snnfw.report.tabular import as_csv, harmless, report_csv


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_checkpoints_layers_and_operators_are_tables_of_their_own() -> None:
    files = {name: rows(text) for name, text in report_csv(made_report()).items()}
    assert [row["timestep"] for row in files["checkpoints.csv"]] == ["network", "1", "2"]
    assert [row["accuracy"] for row in files["checkpoints.csv"]] == ["0.9", "0.7000000000000001", "0.75"]
    assert [row["site"] for row in files["layers.csv"]] == ["act0", "act1"]
    assert [row["event_rate"] for row in files["operators.csv"]] == ["", "0.2"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_name_that_a_spreadsheet_would_compute_is_made_harmless(name: str) -> None:
    layer = replace(made_report().layers[0], site=name)
    text = report_csv(made_report(layers=(layer,)))["layers.csv"]
    assert rows(text)[0]["site"] == f"'{name}"
    assert f"'{name}" in next(csv.reader(io.StringIO(as_csv([{name: 1}]), newline="")))


def test_numbers_stay_numbers() -> None:
    assert [harmless(value) for value in (-1.5, None, "a-b")] == [-1.5, "", "a-b"]
