"""Run no Python that only a folder names: one that somebody sent is data."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from snnfw.config.fields import as_plain, format_value
from snnfw.config.schema import METHODS
from snnfw.config.sources import Plain, files_to_load
from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from snnfw.config.schema import RunConfig


@dataclass(frozen=True, slots=True)
class TrainingFolder:
    """The folder of a training, and the word that names it."""

    key: str
    folder: Path

    def __str__(self) -> str:
        return f"{self.key}={self.folder}"

    @property
    def file(self) -> Path:
        """Return the file that says what the training was told."""
        return self.folder / "config.yaml"


def require_confirmed_files(sent: TrainingFolder, layers: Sequence[Plain], said: Sequence[Plain]) -> None:
    """Refuse plugin files that the folder's layers name and the user's own do not."""
    again = {Path(file).resolve() for layer in said for file in files_to_load(layer)}
    files = [file for layer in layers for file in files_to_load(layer) if Path(file).resolve() not in again]
    if files:
        raise _refusal(sent, [_loading(files)])


def require_confirmed_code(sent: TrainingFolder, methods: Mapping[str, Any], said: Plain) -> None:
    """Refuse parameters that say which Python runs unless the user says them again."""
    silent = []
    for key, name, value in _running(methods):
        own = said.get(key) or {}
        # A word wins over the folder, but mappings are merged: what a word says of one has to be all of it.
        if name not in own or (isinstance(value, Mapping) and own[name] != value):
            silent.append(_word(key, name, value))
    if silent:
        raise _refusal(sent, silent)


def confirming_words(config: RunConfig) -> list[str]:
    """Return the words that have to stand beside the folder of a training, so that what it names may run."""
    files = files_to_load(dict(config.resolved))
    methods = {key: getattr(config, key, None) for key in METHODS}
    return [*([_loading(files)] if files else []), *(_word(*running) for running in _running(methods))]


def tracker_words(config: RunConfig) -> list[str]:
    """Return the words that have to stand beside the folder of a training to go on telling its tracker."""
    tracker = config.tracker
    if tracker is None:
        return []
    plain = as_plain(tracker)
    given = [field.name for field in fields(cast("Any", tracker)) if getattr(tracker, field.name) != field.default]
    return [f"tracker={tracker.name}", *(_word("tracker", name, plain[name]) for name in given)]


def _running(methods: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield every parameter that says which Python runs, with its method's key and its value."""
    for key, method in methods.items():
        names = getattr(method, "runs", ())
        values = as_plain(method) if names else {}
        yield from ((key, name, values[name]) for name in names if values[name])


def _loading(files: Iterable[str]) -> str:
    return shlex.quote(f"load=[{','.join(files)}]")


def _word(key: str, name: str, value: object) -> str:
    return shlex.quote(f"{key}.{name}={format_value(value)}")


def _refusal(sent: TrainingFolder, words: Sequence[str]) -> SnnfwError:
    return SnnfwError(
        f"{sent} names Python to run, and a folder is data: if you trust it, say so yourself and add {' '.join(words)}"
    )
