"""The command that tells of runs that are done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from snnfw.errors import SnnfwError, unknown_name_error

if TYPE_CHECKING:
    from snnfw.cli.command import Call


def report(call: Call) -> int:
    """Rebuild the page of a run, or lay several runs side by side."""
    options = [word for word in call.words if word.startswith("-")]
    if stray := [option for option in options if option != "--full"]:
        raise unknown_name_error("option", stray[0], ["--full", "--help"], listing="Options")
    outs = [word.removeprefix("out=") for word in call.words if word.startswith("out=")]
    folders = [Path(word) for word in call.words if word not in options and not word.startswith("out=")]
    if not folders or len(outs) > 1 or outs == [""]:
        raise SnnfwError(
            "'snnfw report' takes folders of runs: one, whose page is rebuilt, or several, which are laid side by side "
            "in a folder of their own, out=FOLDER."
        )
    from snnfw.reporting import report_runs  # brings in torch

    report_runs(folders, call.console, Path(outs[0]) if outs else None, "--full" in options)
    return 0
