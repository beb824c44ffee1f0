"""Say in words what can be configured: every key, and the parameters of every registered method."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from snnfw.config.comparison import Comparison
from snnfw.config.describe import Parameter, describe
from snnfw.config.diagnosis import WITHOUT_EFFECT as UNDIAGNOSED
from snnfw.config.diagnosis import Look
from snnfw.config.schema import METHODS, SOURCES, Settings
from snnfw.config.training import WITHOUT_EFFECT
from snnfw.config.tuning import Aim
from snnfw.training.settings import TrainerSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from snnfw.registry import Registry

INTRODUCTION = """\
Usage: snnfw {command} KEY=VALUE ... [--config]

{purpose}
A word overrides what stands in files, and a file what a plugin brings.
--config prints the resolved configuration and stops.

  snnfw {command} {example}
"""
EXAMPLE = "task=classification plugin=adafire neuron.phi=4 timesteps=16"
COMPARED = "task=classification methods=[calibration,adafire,if] checkpoints=[1,2,4,8]"
TRAINED = "task=classification plugin=inflor timesteps=4 trainer.epochs=20"
LONG = 10
"""Characters of a default that a brief description still shows."""

LAYERS = "a list of rules {match, neuron, activation, optional}, as a recipe holds it"


def usage(registry: Registry, command: str, purpose: str) -> RenderableType:
    """Return the help of a command that takes the configuration of a run."""
    introduction = Text(INTRODUCTION.format(command=command, purpose=purpose, example=EXAMPLE))
    resume = rows([("resume", "the folder of a run that was stopped: go on there, with what its config.yaml says")])
    going_on = [section("Going on", resume)] if command == "run" else []
    return Group(introduction, *going_on, _keys(registry, parameters(Settings)))


def comparison_usage(registry: Registry, command: str, purpose: str) -> RenderableType:
    """Return the help of the command that takes the configuration of a comparison."""
    introduction = Text(INTRODUCTION.format(command=command, purpose=purpose, example=COMPARED))
    own = tuple(field.name for field in fields(Comparison))
    settings = parameters(Settings, without=("timesteps", *own))
    resume = rows([("resume", "the folder of a comparison that was stopped: go on there, as its config.yaml says")])
    return Group(introduction, section("Comparison", resume, parameters(Comparison)), _keys(registry, settings))


def diagnosis_usage(registry: Registry, command: str, purpose: str) -> RenderableType:
    """Return the help of the command that takes the configuration of a diagnosis."""
    introduction = Text(INTRODUCTION.format(command=command, purpose=purpose, example=EXAMPLE))
    settings = parameters(Settings, without=UNDIAGNOSED)
    return Group(introduction, section("Diagnosis", parameters(Look)), _keys(registry, settings))


def tuning_usage(registry: Registry, command: str, purpose: str) -> RenderableType:
    """Return the help of the command that takes the configuration of a search for the cheapest method."""
    introduction = Text(INTRODUCTION.format(command=command, purpose=purpose, example="task=classification drop=0.5"))
    settings = parameters(Settings, without=("timesteps", "checkpoints", "checkpoint", "fitting"))
    return Group(introduction, section("Search", parameters(Aim)), _keys(registry, settings))


def training_usage(registry: Registry, command: str, purpose: str) -> RenderableType:
    """Return the help of the command that takes the configuration of a training."""
    introduction = Text(INTRODUCTION.format(command=command, purpose=purpose, example=TRAINED))
    resume = rows(
        [("resume", "the folder of a training that was stopped: go on there, with what its config.yaml says")]
    )
    settings = parameters(Settings, without=WITHOUT_EFFECT)
    trainer = section("Training", resume, parameters(TrainerSettings, prefix="trainer."))
    return Group(introduction, trainer, _keys(registry, settings))


def _keys(registry: Registry, settings: RenderableType) -> RenderableType:
    """Return everything that both can be told."""
    return Group(
        section("Methods, by name: KEY=NAME, then KEY.PARAMETER=VALUE", rows(_choices(registry))),
        section("Files and recipes", rows([*SOURCES.items(), ("layers", LAYERS)])),
        section("Settings", settings),
        *(
            section(f"{key}={name}", Text(summary(method)), parameters(method, prefix=f"{key}."))
            for key, kind in METHODS.items()
            for name, method in registry.all(kind).items()
        ),
        *(section(f"plugin={name}", Text(preset.summary)) for name, preset in registry.presets.items()),
    )


def section(title: str, *content: RenderableType) -> RenderableType:
    """Return content under a title."""
    return Group(Text(title, style="bold"), *(Padding(part, (0, 0, 0, 2), expand=False) for part in content), Text(""))


def rows(pairs: Iterable[tuple[str, str]]) -> RenderableType:
    """Return words with what they mean."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    for word, meaning in pairs:
        table.add_row(Text(word), Text(meaning))
    return table


@dataclass(frozen=True, slots=True)
class ShortRows:
    """Words in columns, a line each: of the last column as much as the terminal's width leaves."""

    cells: Sequence[Sequence[str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield a line for each row."""
        widths = [max(map(len, column)) + 2 for column in list(zip(*self.cells, strict=True))[:-1]]
        for *words, last in self.cells:
            line = Text("".join(word.ljust(width) for word, width in zip(words, widths, strict=True)) + last)
            line.stylize("cyan", 0, len(words[0]))
            line.truncate(options.max_width, overflow="ellipsis")
            yield line


def parameters(method: type, prefix: str = "", without: Collection[str] = (), brief: bool = False) -> RenderableType:
    """Return the parameters of a method with type, default and description; ``brief`` is a line for each."""
    shown = [parameter for parameter in describe(method) if parameter.name not in without]
    if not shown:
        return Text("no parameters", style="dim")
    if brief:
        return ShortRows([(f"{prefix}{each.name}", _brief_default(each), each.description) for each in shown])
    return rows([(f"{prefix}{each.name}", _described(each)) for each in shown])


def _described(parameter: Parameter) -> str:
    given = "required" if parameter.default is None else f"default {parameter.default}"
    return f"{parameter.description} ({parameter.type}, {given})".strip()


def _brief_default(parameter: Parameter) -> str:
    """Return a default as far as it is short."""
    if parameter.default is None:
        return "required"
    return parameter.default if len(parameter.default) <= LONG else "..."


def summary(method: object) -> str:
    """Return the first line of the docstring of something registered."""
    said = getattr(method, "summary", None) or inspect.getdoc(method) or ""
    line = said.partition("\n")[0]
    return "" if isinstance(method, type) and line.startswith(f"{method.__name__}(") else line


def _choices(registry: Registry) -> Iterable[tuple[str, str]]:
    """Return every key that chooses by name, with the names that there are."""
    for key, kind in {"plugin": "presets", **METHODS}.items():
        names = ", ".join(sorted(registry.all(kind))) or "none registered"
        yield key, names
