"""What an experiment file says beyond a run: what it is, what a paper reports of it, and what has to come before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field

from snnfw.config.experiments import OWN, find_experiment, shipped_experiments
from snnfw.config.fields import build_dataclass, format_value
from snnfw.config.schema import KEYS
from snnfw.config.sources import Plain, read_experiment
from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from snnfw.registry import Registry

FILE_KEYS = tuple(dict.fromkeys((*KEYS, "trainer", *OWN)))
"""What an experiment file may hold."""

ByTimesteps: TypeAlias = Annotated[Mapping[int, float], Field(description="numbers by the timesteps that they are of")]
Preparation: TypeAlias = Literal["nothing", "train", "train-network", "weights"]


@dataclass(frozen=True, slots=True)
class Published:
    """What a paper reports in one row of a table or figure, scores in percent and energy in millijoules.

    ``metric`` is the name that the report has for it, ``network`` what the paper says of the network itself, ``note``
    how certain the numbers are. Without ``values`` the paper's text at hand has none.
    """

    table: str
    row: str
    metric: str = "accuracy"
    values: ByTimesteps = field(default_factory=dict)
    network: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """One row to reproduce: words above an experiment file, with what is published of it.

    ``measured`` are numbers of a run of exactly this, which is possible where the data is embedded.
    """

    label: str
    experiment: str
    words: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()
    measured: ByTimesteps = field(default_factory=dict)
    metric: str = "accuracy"

    @property
    def timesteps(self) -> tuple[int, ...]:
        """Return the timesteps that numbers are published of, or were measured at."""
        steps = {step for said in self.published for step in said.values}
        return tuple(sorted(steps or set(self.measured)))


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment file, read: its rows, and what has to come before a run of them.

    ``prepare`` is ``train`` where the network is trained as the method, ``train-network`` where it is trained as it is
    and converted then, unless weights are given, ``weights`` where they have to be. With ``retarget`` every number of
    timesteps is converted for anew, otherwise all are read off one run of the last. ``plain`` is what a run reads.
    """

    name: str
    path: Path
    about: str
    rows: tuple[ExperimentRow, ...]
    prepare: Preparation
    retarget: bool
    plain: Mapping[str, Any]

    @property
    def tabulated(self) -> bool:
        """Tell whether it is a table of several rows."""
        return len(self.rows) > 1


@dataclass(frozen=True, slots=True)
class _Own:
    about: str = ""
    prepare: Preparation = "nothing"
    retarget: bool = True


@dataclass(frozen=True, slots=True)
class _GridRow:
    row: str
    words: tuple[str, ...] = ()
    experiment: str | None = None


def list_experiments(registry: Registry) -> tuple[Experiment, ...]:
    """Return every experiment that a plugin ships."""
    names = [f"{plugin}/{name}" for plugin, module in registry.plugins.items() for name in shipped_experiments(module)]
    return tuple(read_rows(name, registry) for name in sorted(names))


def read_rows(name: str, registry: Registry) -> Experiment:
    """Return the experiment of a name or a path, its rows checked."""
    path = find_experiment(name, registry)
    read = read_experiment(path, FILE_KEYS)
    own = _build(_Own, {key: read[key] for key in ("about", "prepare", "retarget") if key in read}, path)
    rows = _grid(name, read, path) if "grid" in read else (_row(name, name, (), read, path),)
    if repeated := _repeated([row.label for row in rows]):
        raise SnnfwError(f"{path} has two rows called '{repeated}': give one another name.")
    plain = {key: value for key, value in read.items() if key not in OWN}
    return Experiment(name, path, own.about, rows, own.prepare, own.retarget, plain)


def _grid(name: str, read: Plain, path: Path) -> tuple[ExperimentRow, ...]:
    lines = read["grid"]
    if not isinstance(lines, list) or not lines or not all(isinstance(line, dict) for line in lines):
        raise SnnfwError(f"{path}: grid must be a list of rows, like [{{row: 'no search', words: [search=null]}}].")
    rows = []
    for line in lines:
        own = {key: value for key, value in line.items() if key not in ("published", "measured", "metric")}
        made = _build(_GridRow, own, path)
        rows.append(_row(made.row, made.experiment or name, made.words, line, path))
    return tuple(rows)


def _row(label: str, experiment: str, words: tuple[str, ...], read: Plain, path: Path) -> ExperimentRow:
    said = read.get("published") or []
    entries = said if isinstance(said, list) else [said]
    if not all(isinstance(entry, dict) for entry in entries):
        raise SnnfwError(
            f"{path}: published={format_value(said)} is not allowed: it must be a mapping, or a list of them."
        )
    published = tuple(_build(Published, entry, path, "published") for entry in entries)
    measured: Plain = {key: read[key] for key in ("measured", "metric") if key in read}
    values: Plain = {"label": label, "experiment": experiment, "words": list(words), **measured}
    made = _build(ExperimentRow, values, path)
    return ExperimentRow(made.label, made.experiment, made.words, published, made.measured, made.metric)


def _build(cls: Any, values: Plain, path: Path, key: str = "") -> Any:
    try:
        return build_dataclass(cls, values, key, f"experiment {path}")
    except SnnfwError as error:
        raise SnnfwError(f"{path} cannot be used: {error}") from error


def _repeated(names: list[str]) -> str | None:
    return next((name for number, name in enumerate(names) if name in names[:number]), None)
