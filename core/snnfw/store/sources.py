"""Tell code by its source files: whole packages, with what they import, as far as somebody may be writing on it."""

from __future__ import annotations

import functools
import hashlib
import re
import sys
import sysconfig
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata, util
from pathlib import Path
from types import ModuleType

from snnfw.started import STARTED

IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import|import[ \t]+([\w. \t,]+))", re.MULTILINE)
MAIN = "__main__"
INSTALLED = {"site-packages", "dist-packages"}

Running = Callable[[ModuleType], bytes]
"""Describe what a module holds in memory."""


class Sources:
    """The sources of packages, each read once: made for one search, so that the next one reads what was edited."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._read: dict[str, tuple[str, frozenset[str]]] = {}
        self._known: dict[str, str] = {}

    def of(self, module: str) -> str:
        """Return a key of the files of a module's package, and of those of every package that these import.

        What is installed and no plugin stands for itself by its version. A module whose file is younger than this
        program goes in as it is in memory: the file may say something else.
        """
        top = module.partition(".")[0]
        if top not in self._known:
            digest = hashlib.sha256()
            for name, content in sorted(self._reached(top).items()):
                digest.update(f"{name} {content}\n".encode())
            self._known[top] = digest.hexdigest()
        return self._known[top]

    def _reached(self, top: str) -> dict[str, str]:
        """Return a package and what it imports, directly or not, each with a key of its files or its version."""
        found: dict[str, str] = {}
        ahead = {top}
        while ahead:
            name = ahead.pop()
            if is_library(name):
                found[name] = version_of(name)
                continue
            if name not in self._read:
                self._read[name] = self._package(name)
            found[name], imported = self._read[name]
            ahead |= imported - found.keys()
        return found

    def _package(self, top: str) -> tuple[str, frozenset[str]]:
        """Return a key of a package's files, and the names of the packages that they import."""
        digest, imported = hashlib.sha256(), set[bytes]()
        for name, path in files_of(top):
            content = path.read_bytes()
            for whole, several in IMPORT.findall(content):
                imported |= {whole} if whole else {part.split()[0] for part in several.split(b",") if part.strip()}
            module = sys.modules.get(name)
            if module is not None and path.stat().st_mtime > STARTED:
                content = b"running" + self._running(module)
            digest.update(f"{name} {len(content)} ".encode() + content)
        tops = {name.decode().partition(".")[0] for name in imported} - {"", top}
        return digest.hexdigest(), frozenset(name for name in tops if is_library(name) or files_of(name))


def is_library(top: str) -> bool:
    """Tell whether a top-level module is Python's own, or installed and nothing that plugs into this framework."""
    if top in _own_packages() or top == MAIN:
        return False
    if top in sys.stdlib_module_names:
        return True
    return any(map(is_installed, _places(top)))


def is_installed(path: Path) -> bool:
    """Tell whether a file is Python's own or a package's that was installed."""
    return bool(set(path.parts) & INSTALLED) or path.is_relative_to(sysconfig.get_path("stdlib"))


def version_of(top: str) -> str:
    """Return the version of an installed top-level module, or Python's."""
    if top in sys.stdlib_module_names:
        return sysconfig.get_python_version()
    return " ".join(
        version for _, version in sorted({(each.name, each.version) for each in _distributions().get(top, ())})
    )


def files_of(top: str) -> list[tuple[str, Path]]:
    """Return the Python files of a top-level module with their modules' names; none where it has no source."""
    found = []
    for place in _places(top):
        if place.is_file():
            found.append((top, place))
        elif place.is_dir():
            found += [(_name(top, path.relative_to(place)), path) for path in sorted(place.rglob("*.py"))]
    return found


def _name(top: str, path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join((top, *(parts[:-1] if parts[-1] == "__init__" else parts)))


def _places(top: str) -> Iterator[Path]:
    """Yield a package's folders, or a module's one file."""
    loaded = sys.modules.get(top)
    if loaded is not None:
        folders, file = list(getattr(loaded, "__path__", ())), getattr(loaded, "__file__", None)
    else:
        try:
            spec = util.find_spec(top)
        except (ImportError, ValueError):
            spec = None
        folders = list((spec and spec.submodule_search_locations) or ())
        file = spec.origin if spec and spec.has_location else None
    if folders:
        yield from (Path(folder) for folder in folders)
    elif file:
        yield Path(file)


@functools.cache
def _own_packages() -> frozenset[str]:
    """Return the framework itself and the top-level modules of its plugins, whatever way they were installed."""
    return frozenset({"snnfw", *(entry.module.partition(".")[0] for entry in metadata.entry_points(group="snnfw"))})


@functools.cache
def _distributions() -> Mapping[str, list[metadata.Distribution]]:
    """Return the distributions that bring each top-level module."""
    found = defaultdict[str, list[metadata.Distribution]](list)
    for distribution in metadata.distributions():
        # What metadata.packages_distributions says, without a look at every file and at what nobody asks for.
        listed = distribution.read_text("top_level.txt")
        record = distribution.read_text("RECORD") or ""
        tops = listed.split() if listed else {line.partition(",")[0].partition("/")[0] for line in record.splitlines()}
        for top in tops:
            found[top.removesuffix(".py")].append(distribution)
    return found
