"""Real networks on real images, or the embedded tasks: what each setting loses, and its share of the energy."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Protocol

from rich.console import Console

from benchmarks.real_embedded import Embedded
from benchmarks.real_networks import NETWORKS
from benchmarks.real_published import Published
from benchmarks.real_rows import Row, describe_settings, load, merge, save, sections
from benchmarks.real_settings import EMBEDDED, REAL, TASKS, Setting
from benchmarks.result import show
from snnfw import SnnfwError
from snnfw.errors import unknown_name_error


class Subject(Protocol):
    """A network with its data, on which settings are tried."""

    def measure(self, setting: Setting, timesteps: Sequence[int], command: str) -> list[Row]:
        """Return a row for each of the timesteps, all of one conversion for the last of them."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for: globs of networks and settings (none are all), and how many samples."""

    root: Path | None
    embedded: bool = False
    networks: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    limit: int | None = None
    calibration: int | None = None
    threads: int = 1

    @property
    def stem(self) -> str:
        """Return the name of the files that rows are kept in."""
        return "real-embedded" if self.embedded else "real"

    @property
    def command(self) -> str:
        """Return the command that asks for it, with FOLDER for the folder, which is another one elsewhere."""
        pairs = [("--network", name) for name in self.networks] + [("--setting", name) for name in self.settings]
        numbers = {"--limit": self.limit, "--calibration": self.calibration, "--threads": self.threads}
        pairs += [(option, str(number)) for option, number in numbers.items() if number is not None]
        source = ["--embedded"] if self.embedded else ["--root", "FOLDER"]
        return shlex.join(["python", "-m", "benchmarks", "real", *source, *(word for pair in pairs for word in pair)])

    def known(self) -> tuple[Sequence[str], Sequence[Setting]]:
        """Return all networks and settings."""
        return (tuple(TASKS), EMBEDDED) if self.embedded else (tuple(NETWORKS), REAL)

    def chosen(self) -> Mapping[str, Sequence[Setting]]:
        """Return the settings that each network is asked for with, refusing names that nothing has.

        Raises:
            SnnfwError: nothing matches a glob, none of the settings is for the networks, a number is too small,
                or a folder is given where none is read, or none where one is.

        """
        if self.embedded == (self.root is not None):
            given = "--root and --embedded are both" if self.embedded else "no folder is"
            raise SnnfwError(f"{given} given: say --root FOLDER, or --embedded for the networks that need no folder.")
        for option, number in (("--limit", self.limit), ("--calibration", self.calibration)):
            if number is not None and number < 2:
                raise SnnfwError(f"{option} {number} is not allowed: give 2 samples or more.")
        names, settings = self.known()
        networks = _matching("network", names, self.networks)
        wanted = _matching("setting", [setting.name for setting in settings], self.settings)
        held = {
            name: [setting for setting in settings if setting.name in wanted and setting.fits(name)]
            for name in networks
        }
        if not any(held.values()):
            raise SnnfwError(f"none of {', '.join(wanted)} is for {', '.join(networks)}: --list shows what is.")
        return {name: found for name, found in held.items() if found}

    def opened(self, name: str) -> Subject:
        """Return a network with its data."""
        if self.root is None:
            return Embedded(name, TASKS[name], self.limit, self.calibration)
        return Published(name, NETWORKS[name], self.root, self.limit, self.calibration)


def run(asked: Asked, folder: Path, console: Console) -> int:
    """Measure what is asked for, write every row as it comes, show the tables, and return the exit status.

    Rows that earlier commands left stay, unless they are measured again or their setting has changed.
    """
    try:
        chosen = asked.chosen()
    except SnnfwError as error:
        return _complain(str(error), 2)
    status, rows = 0, load(folder, asked.stem)
    for name, settings in chosen.items():
        try:
            subject = asked.opened(name)
        except SnnfwError as error:
            return _complain(str(error), 2)
        for setting in settings:
            for timesteps in setting.runs():
                measure = partial(subject.measure, setting, timesteps, asked.command)
                rows, failed = _measured(rows, (name, setting.name), timesteps, measure)
                status = max(status, failed)
                rows = merge(rows, *asked.known())
                save(rows, folder, asked.stem)
        for section in sections(row for row in rows if row.network == name):
            show(section, console)
    return status


def show_list(embedded: bool, console: Console) -> None:
    """Show every network with its settings."""
    show(describe_settings(*Asked(None, embedded).known()), console)


def _measured(
    rows: Iterable[Row], of: tuple[str, str], timesteps: Sequence[int], measure: Callable[[], list[Row]]
) -> tuple[list[Row], int]:
    """Return the rows with new ones for a run, and 0; or without any for it, and 1, where it was refused."""
    kept = [row for row in rows if row.key not in {(*of, timestep) for timestep in timesteps}]
    try:
        return kept + measure(), 0
    except SnnfwError as error:
        return kept, _complain(f"{', '.join(of)}, T = {max(timesteps)}: {error}", 1)


def _matching(kind: str, names: Iterable[str], globs: Sequence[str]) -> list[str]:
    """Return the names that match any of the globs, each once and in their own order; all where there is no glob."""
    known = list(dict.fromkeys(names))
    for given in globs:
        if not any(fnmatchcase(name, given) for name in known):
            raise unknown_name_error(kind, given, known, listing="There are")
    return [name for name in known if not globs or any(fnmatchcase(name, given) for given in globs)]


def _complain(sentence: str, status: int) -> int:
    sys.stderr.write(f"benchmarks: {sentence}\n")
    return status
