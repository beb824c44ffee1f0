"""What a command is: how it is called, what it is for, and what runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from snnfw.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

HELP = ("--help", "-h")


@dataclass(frozen=True, slots=True)
class Call:
    """What a command is given: the words behind its name, and where it prints."""

    words: tuple[str, ...]
    console: Console


@dataclass(frozen=True, slots=True)
class Command:
    """One command; ``run`` returns the exit status, and ``help`` prints more than what it ``takes`` and its purpose."""

    takes: str
    purpose: str
    run: Callable[[Call], int]
    help: Callable[[Call], None] | None = None

    def usage(self, name: str) -> str:
        """Return how the command of a name is written."""
        return f"{name} {self.takes}".rstrip()

    def explain(self, name: str, call: Call) -> None:
        """Print the help of the command of a name."""
        if self.help:
            self.help(call)
        else:
            call.console.print(Text(f"Usage: snnfw {self.usage(name)}\n\n{self.purpose}"))


def open_registry() -> Registry:
    """Return everything that is installed."""
    return Registry()
