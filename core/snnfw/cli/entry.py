"""The door: which command, with which words, and what its exit status is."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from snnfw.allocator import keep_freed_memory
from snnfw.cli.command import HELP, Call, Command
from snnfw.cli.commands import COMMANDS
from snnfw.config.usage import rows, section
from snnfw.errors import SnnfwError, printable, unknown_name_error
from snnfw.ranks.starter import is_started

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 1 where something checked or compared fails, an error's status, 130 if interrupted."""
    if argv is None:  # the process is this command's own
        keep_freed_memory()
    try:
        return run_command(list(sys.argv[1:] if argv is None else argv), Console(highlight=False))
    except SnnfwError as error:
        if error.told:  # by the first of several processes, whose status is the command's
            return 0
        print(f"snnfw: {printable(str(error))}", file=sys.stderr)  # it may quote a file that somebody sent
        return error.status
    except KeyboardInterrupt as stop:
        if not is_started():  # the first of several processes is stopped too, and says so
            print(f"snnfw: interrupted: {stop}." if str(stop) else "snnfw: interrupted.", file=sys.stderr)
        return 130


def run_command(words: Sequence[str], console: Console) -> int:
    """Run the command that words ask for, and return its exit status; mistakes are raised."""
    if words and words[0] in ("help", *HELP):
        words = _asked(words[1:])
    if not words or words[0] in HELP:
        console.print(Text("Usage: snnfw COMMAND\n"), _listing(COMMANDS))
        console.print(Text("snnfw COMMAND --help says more of one; snnfw --help NAME of a key or a method."))
        return 0
    if list(words) == ["--version"]:
        console.print(f"snnfw {version('snnfw')}")
        return 0
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS:
            call = Call(tuple(words[length:]), console)
            if not set(HELP) & set(call.words):
                return COMMANDS[name].run(call)
            COMMANDS[name].explain(name, call)
            return 0
    return _run_group(words, console)


def _asked(words: Sequence[str]) -> list[str]:
    """Return the words that ask for the help of a command, or of a topic, which ``run`` knows all of."""
    commands = {word for name in COMMANDS for word in name.split()}
    return [*words, HELP[0]] if not words or words[0] in commands else ["run", HELP[0], *words]


def _run_group(words: Sequence[str], console: Console) -> int:
    """List the commands that begin with a word, or refuse one that there is not."""
    group = {name: command for name, command in COMMANDS.items() if name.split()[0] == words[0]}
    if not group:
        seconds = [name for name in COMMANDS if name.endswith(f" {words[0]}")]
        if seconds:
            raise SnnfwError(f"no command named '{words[0]}'. Did you mean {' or '.join(seconds)}?")
        raise unknown_name_error("command", words[0], {name.split()[0] for name in COMMANDS}, listing="Commands")
    if len(words) > 1 and words[1] not in HELP:
        listing = ", ".join(command.usage(name) for name, command in group.items())
        raise SnnfwError(f"'snnfw {' '.join(words)}' is not a command. Commands: {listing}.")
    console.print(_listing(group))
    return 0


def _listing(commands: Mapping[str, Command]) -> object:
    return section("Commands", rows((name, command.purpose) for name, command in commands.items()))
