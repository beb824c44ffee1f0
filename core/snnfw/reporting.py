"""Rebuild the page of a run from its folder, and lay several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from snnfw.errors import SnnfwError
from snnfw.files import write_file, write_folder
from snnfw.report.folder import run_folder
from snnfw.report.leaderboard_table import show_leaderboard
from snnfw.report.reading import LEADERBOARD, REPORT, read_leaderboard, read_pictures, read_report
from snnfw.report.report import Report
from snnfw.report.saving import board_page_files, page_files, side_files
from snnfw.report.side_by_side import name_runs, require_comparable, show_side_by_side
from snnfw.report.tables import show_report

__all__ = ["rebuild_page", "report_runs"]


def report_runs(folders: Sequence[Path], console: Console, out: Path | None = None, full: bool = False) -> Path:
    """Show one run and rebuild its page, or lay several side by side; return the page.

    Raises:
        SnnfwError: a folder holds no report that can be read, or the runs cannot be compared.

    """
    if len(folders) == 1:
        if out is not None:
            raise SnnfwError(f"out={out} is for several runs: the page of one is rebuilt in its own folder.")
        return rebuild_page(folders[0], console, full)
    boards = [folder for folder in folders if _is_comparison(folder)]
    if boards:
        raise SnnfwError(
            f"'{boards[0]}' is the folder of a comparison, which has its runs side by side already: give it alone, or "
            "give folders of runs."
        )
    runs = dict(zip(name_runs(folders), map(read_report, folders), strict=True))
    require_comparable(runs)
    target = run_folder(out, "side-by-side", _task(runs), datetime.now())
    show_side_by_side(runs, console)
    folder = write_folder(target, side_files(runs))
    return _tell(folder / "side-by-side.html", console)


def rebuild_page(folder: Path, console: Console, full: bool = False) -> Path:
    """Show the run, or the comparison, of a folder, and write its page and tables again; its data stays as it is."""
    if _is_comparison(folder):
        board = read_leaderboard(folder)
        show_leaderboard(board, console)
        files = board_page_files(board)
    else:
        report = read_report(folder)
        show_report(report, console, full)
        files = page_files(report, read_pictures(folder))
    for name, content in files.items():
        write_file(folder / name, content)
    return _tell(next(folder / name for name in files if name.endswith(".html")), console)


def _is_comparison(folder: Path) -> bool:
    return (folder / LEADERBOARD).is_file() and not (folder / REPORT).is_file()


def _task(runs: dict[str, Report]) -> str:
    return str(next(iter(runs.values())).about.get("task") or "network")


def _tell(page: Path, console: Console) -> Path:
    console.print(Text(f"open {page}"), soft_wrap=True)
    return page
