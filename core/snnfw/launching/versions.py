"""Whether a worker runs what its caller runs: the versions of both, and the code of every plugin."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata, util
from pathlib import Path

GROUP = "snnfw"
"""The entry points of plugins."""

PACKAGES = ("torch", "spikingjelly", "numpy")
"""What numbers depend on."""


@cache
def installed_versions() -> Mapping[str, str]:
    """Return the version of everything that results depend on, by name; of packages with plugins the code too."""
    python = ".".join(platform.python_version_tuple()[:2])
    found = {"Python": python, **{name: _version(name) for name in PACKAGES}}
    for entry in metadata.entry_points(group=GROUP):
        if entry.dist is not None:
            found[entry.dist.name] = entry.dist.version
    roots = {
        "snnfw",
        *(entry.value.partition(":")[0].partition(".")[0] for entry in metadata.entry_points(group=GROUP)),
    }
    return {**found, **{f"the code of {root}": _digest(root) for root in sorted(roots)}}


def describe_difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Return what a worker has otherwise than its caller, ``torch 2.10 and not 2.14``, or nothing."""
    names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    versions = [name for name in names if not name.startswith("the code of ")]
    told = [f"{name} {there.get(name) or 'not at all'} and not {here.get(name) or 'none'}" for name in versions]
    return ", ".join(told or [f"another version of {name}" for name in names])


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _digest(root: str) -> str:
    """Return a hash of a package's Python, or nothing where it is not there."""
    try:
        spec = util.find_spec(root)
    except (ImportError, ValueError):
        return ""
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    files = [(file.relative_to(folder).as_posix(), file) for folder in folders for file in folder.rglob("*.py")]
    if spec and spec.origin and not files:
        files = [(root, Path(spec.origin))]
    told = hashlib.sha256()
    for name, file in sorted(files):
        told.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return told.hexdigest()[:12] if files else ""
