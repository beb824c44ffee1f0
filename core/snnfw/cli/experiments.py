"""The commands that take the experiments of papers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.cli.command import open_registry
from snnfw.config.published import list_experiments
from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from snnfw.cli.command import Call


def list_all(call: Call) -> int:
    """List the experiments that plugins ship."""
    if call.words:
        raise SnnfwError("'snnfw experiments list' takes no arguments.")
    from snnfw.reproduce.tables import show_experiments

    show_experiments(list_experiments(open_registry()), call.console)
    return 0


def reproduce(call: Call) -> int:
    """Run an experiment's rows; return 1 where one of them could not be run."""
    if not call.words:
        raise SnnfwError("'snnfw reproduce' takes the name of an experiment: 'snnfw experiments list' has them.")
    from snnfw.reproduce import running  # brings in torch

    name, *words = call.words
    return 1 if any(line.error for line in running.reproduce(name, words, open_registry(), call.console)) else 0
