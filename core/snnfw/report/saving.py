"""Write a report or a leaderboard into a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from snnfw.errors import SnnfwError
from snnfw.files import write_folder
from snnfw.report.folder import as_json
from snnfw.report.html import report_page
from snnfw.report.leaderboard import Leaderboard
from snnfw.report.leaderboard_page import leaderboard_page
from snnfw.report.reading import NONFINITE, nonfinite_places
from snnfw.report.report import Report
from snnfw.report.side_by_side import Runs, side_csv, side_page
from snnfw.report.tabular import leaderboard_csv, report_csv


def report_files(report: Report, files: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """Return the report as data and as a page, by file; ``files`` hold the pictures that become part of the page."""
    return {"report.json": readable_json(report.plain()), **page_files(report, files)}


def page_files(report: Report, files: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """Return what is made of a report for people: the page, and its numbers for spreadsheets."""
    return {"report.html": report_page(report, files), **report_csv(report)}


def leaderboard_files(board: Leaderboard) -> dict[str, str | bytes]:
    """Return the leaderboard as data and as a page, by file."""
    return {"leaderboard.json": readable_json(board.plain()), **board_page_files(board)}


def board_page_files(board: Leaderboard) -> dict[str, str | bytes]:
    """Return what is made of a leaderboard for people: the page, and its numbers for spreadsheets."""
    return {"leaderboard.html": leaderboard_page(board), "leaderboard.csv": leaderboard_csv(board)}


def side_files(runs: Runs) -> dict[str, str | bytes]:
    """Return the page of several runs, and their numbers for spreadsheets, by file."""
    return {"side-by-side.html": side_page(runs), "side-by-side.csv": side_csv(runs)}


def readable_json(plain: Mapping[str, Any]) -> str:
    """Return plain data as JSON; where numbers are null because they are not finite it says which they were."""
    lost = dict(nonfinite_places(plain))
    return as_json({**plain, **({NONFINITE: lost} if lost else {})})


def save_files(folder: str | Path, files: Mapping[str, str | bytes], about: Mapping[str, Any]) -> Path:
    """Write files into a new folder, with the configuration they came from, and return the folder."""
    target = Path(folder)
    if target.exists():
        raise SnnfwError(f"'{target}' exists already: name a folder that does not, nothing is ever overwritten.")
    written = {"config.yaml": yaml.safe_dump(dict(about["config"]), sort_keys=False)} if about.get("config") else {}
    return write_folder(target, {**written, **files})
