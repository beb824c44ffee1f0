"""What goes by a name is checked with the parameters that a user's words give it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snnfw.checks.converters import check_converter
from snnfw.checks.energy_models import check_energy_model
from snnfw.checks.exits import check_exit
from snnfw.checks.faults import NotTriedError
from snnfw.checks.launchers import check_launcher
from snnfw.checks.neurons import check_neuron
from snnfw.checks.presets import check_preset
from snnfw.checks.searches import check_search
from snnfw.checks.sources import check_data, check_model
from snnfw.checks.tasks import check_task
from snnfw.checks.trackers import check_tracker
from snnfw.config.methods import choose, choose_optional, choose_source, expand_sources
from snnfw.config.schema import METHODS
from snnfw.config.sources import Plain, combine, read_words
from snnfw.errors import SnnfwError
from snnfw.kinds import KINDS, SOURCES
from snnfw.registry import Registry


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says of one thing: its faults, or why it was not tried."""

    subject: str
    faults: tuple[str, ...] = ()
    untried: str | None = None

    @property
    def passed(self) -> bool:
        """Tell whether it was tried and nothing was found."""
        return not self.faults and self.untried is None

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the verdict as text, a line for each fault."""
        said = self.faults or (("ok",) if self.untried is None else (f"not tried: {self.untried}",))
        return tuple(f"{self.subject}: {sentence}" for sentence in said)


def check_named(registry: Registry, kind: str, name: str, words: Sequence[str] = ()) -> Iterator[Verdict]:
    """Yield what a check says of something registered, of sources for each task that they serve.

    ``words`` are ``key=value`` as of a run: parameters of what is checked, and what it is tried with.
    """
    registry.find(kind, name)
    values = expand_sources(registry, read_words(words, tuple(METHODS)))
    word = KINDS[kind].word
    if kind in SOURCES:
        for task in _tasks_to_try(registry, kind, name, values):
            given = combine({"task": {"name": task}}, values)
            yield _verdict(f"{word} {name} (task {task})", registry, kind, name, given)
        return
    yield _verdict(f"{word} {name}", registry, kind, name, values)


def _verdict(subject: str, registry: Registry, kind: str, name: str, values: Plain) -> Verdict:
    try:
        return Verdict(subject, tuple(_check(registry, kind, name, values)))
    except NotTriedError as error:
        return Verdict(subject, untried=str(error))


def _tasks_to_try(registry: Registry, kind: str, name: str, values: Plain) -> Sequence[str]:
    """Return the tasks that a source is tried with: the one that words name, those it serves, or every one."""
    asked = (values.get("task") or {}).get("name")
    tasks: Sequence[str] = registry.find(kind, name).tasks or sorted(registry.tasks)
    return [asked] if asked else tasks


def _check(registry: Registry, kind: str, name: str, values: Plain) -> list[str]:
    if kind == "presets":
        return check_preset(registry.presets[name], registry)
    key = next(key for key, its in METHODS.items() if its == kind)
    given = combine({key: {"name": name}}, values)
    try:
        checks, arguments = _arguments(registry, key, given)
    except SnnfwError as error:
        raise NotTriedError(str(error)) from error
    return checks(*arguments)


def _arguments(registry: Registry, key: str, given: Plain) -> tuple[Callable[..., list[str]], Sequence[Any]]:
    """Return the check of one kind of method, and what it takes."""
    if key in ("task", *SOURCES.values()):
        task = choose(registry, given, "task")
        model, data = (choose_source(registry, given, source, task) for source in ("model", "data"))
        orders: Mapping[str, tuple[Callable[..., list[str]], Sequence[Any]]] = {
            "task": (check_task, (task, model, data)),
            "model": (check_model, (model, task, data)),
            "data": (check_data, (data, task, model)),
        }
        return orders[key]
    method = choose(registry, given, key)
    if key in ("converter", "search"):
        check = check_converter if key == "converter" else check_search
        return check, (method, choose_optional(registry, given, "neuron"))
    alone: Mapping[str, Callable[..., list[str]]] = {
        "neuron": check_neuron,
        "exit": check_exit,
        "energy": check_energy_model,
        "launcher": check_launcher,
        "tracker": check_tracker,
    }
    return alone[key], (method,)
