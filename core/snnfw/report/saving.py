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
from snnfw.report.report import Report


def report_files(report: Report, files: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """Return the report as data and as a page, by file; ``files`` hold the pictures that become part of the page."""
    return {"report.json": as_json(report.plain()), "report.html": report_page(report, files)}


def leaderboard_files(board: Leaderboard) -> dict[str, str | bytes]:
    """Return the leaderboard as data and as a page, by file."""
    return {"leaderboard.json": as_json(board.plain()), "leaderboard.html": leaderboard_page(board)}


def save_files(folder: str | Path, files: Mapping[str, str | bytes], about: Mapping[str, Any]) -> Path:
    """Write files into a new folder, with the configuration they came from, and return the folder."""
    target = Path(folder)
    if target.exists():
        raise SnnfwError(f"'{target}' exists already: name a folder that does not, nothing is ever overwritten.")
    written = {"config.yaml": yaml.safe_dump(dict(about["config"]), sort_keys=False)} if about.get("config") else {}
    return write_folder(target, {**written, **files})
