"""The command line: each command is one entry of a table, and a function of the module that it names."""

from __future__ import annotations

from snnfw.cli.commands import COMMANDS
from snnfw.cli.entry import main

__all__ = ["COMMANDS", "main"]
