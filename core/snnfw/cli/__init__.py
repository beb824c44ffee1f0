"""The command line: each command is an entry of a table and a function; what reads the words of one may come in."""

from __future__ import annotations

from snnfw.cli.commands import COMMANDS
from snnfw.cli.entry import main

__all__ = ["COMMANDS", "main"]
