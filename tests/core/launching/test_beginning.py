"""A launcher that could not launch is refused before anything is computed, and one that has nothing to do is told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from rich.console import Console

from snnfw import comparing, diagnosing, pipeline
from snnfw.config.comparison import resolve_comparison
from snnfw.config.diagnosis import resolve_diagnosis
from snnfw.config.resolution import resolve
from snnfw.errors import SnnfwError
from snnfw.launching import UnreachableError, begin_launcher, require_launcher
from snnfw.registry import Registry

LIBRARIES = {"local": "joblib", "ray": "ray", "submitit": "submitit"}

IDLE = (
    "launcher=local has nothing to do: nothing here has a search, whose measurements it would run. 'snnfw sweep' runs "
    "several at once with it."
)


@dataclass(frozen=True)
class Plain:
    """A launcher that can say nothing beforehand."""

    name: ClassVar[str] = "plain"

    def map(self, function: Callable[[Any], Any], items: Sequence[Any], /) -> Iterator[tuple[int, Any]]:
        yield from ()


@dataclass(frozen=True)
class Broken(Plain):
    """A launcher that fails when it is asked."""

    def require(self) -> None:
        raise OSError("unplugged")


def test_one_that_says_nothing_is_taken() -> None:
    require_launcher(None)
    require_launcher(Plain())


def test_one_that_fails_is_a_sentence() -> None:
    with pytest.raises(SnnfwError) as caught:
        require_launcher(Broken())
    assert str(caught.value) == "launcher 'plain' does not work: OSError: unplugged."


def test_only_what_is_used_is_required() -> None:
    said: list[str] = []
    begin_launcher(Broken(), False, said.append)
    assert said == [IDLE.replace("local", "plain", 1)]
    with pytest.raises(SnnfwError, match="unplugged"):
        begin_launcher(Broken(), True, said.append)
    begin_launcher(None, True, said.append)
    assert len(said) == 1


@pytest.mark.parametrize("name", sorted(Registry().launchers))
def test_every_launcher_tells_a_missing_library(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, LIBRARIES[name], None)
    with pytest.raises(UnreachableError) as caught:
        require_launcher(Registry().launchers[name]())
    assert f"pip install 'snnfw[{name}]'." in str(caught.value)


WORDS = ["task=classification", "launcher=local", "plugin=signed"]


def begin(command: str, words: list[str], console: Console) -> None:
    """Start a command, by the door that the command line takes."""
    registry = Registry()
    if command == "run":
        pipeline.run(resolve(words, registry), registry, console)
    elif command == "diagnose":
        diagnosing.diagnose(resolve_diagnosis(words, registry), registry, console)
    else:
        methods = [word.replace("plugin=signed", "methods=[signed]") for word in words]
        comparing.compare_methods(resolve_comparison(methods, registry), console, registry)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every command end where it would load its network."""

    def stop(*given: object) -> None:
        raise SnnfwError("loading")

    for module in (pipeline, comparing, diagnosing):
        monkeypatch.setattr(module, "load_subject", stop)


@pytest.mark.parametrize("command", ["run", "compare", "diagnose"])
def test_every_command_tells_a_launcher_without_use(command: str, stopped: None, tmp_path: Path) -> None:
    console = Console(record=True, width=300)
    with pytest.raises(SnnfwError, match="^loading$"):
        begin(command, [*WORDS, f"out={tmp_path / 'r'}"], console)
    assert IDLE in console.export_text()


@pytest.mark.parametrize("command", ["run", "compare", "diagnose"])
def test_a_missing_library_is_told_before_anything_is_loaded(
    command: str, stopped: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "joblib", None)
    console = Console(record=True, width=300)
    with pytest.raises(UnreachableError):
        begin(command, [*WORDS, "search=pareto", f"out={tmp_path / 'r'}"], console)
