"""The report as a value: versioned, complete, and made of plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from snnfw.diagnosis.findings import SiteError
from snnfw.energy.charges import Energy
from snnfw.simulate.settling import Certificate
from snnfw.values import RATE, Chart

SCHEMA = 1
"""Version of report.json; a field may be added within a version, none changes its meaning."""

PART = "/"
"""Stands in a metric's name between what is measured and the part it is measured on: ``IoU/chair``."""


@dataclass(frozen=True, slots=True)
class Network:
    """The network itself: its scores, its cost for one sample, and the wall clock of evaluating it.

    ``passes`` says how often it runs for one sample: once, or once for each frame; ``macs`` are those of all passes.
    ``eight_bit`` is its energy quantised to 8 bits, None in a report from before that was kept.
    """

    scores: Mapping[str, float]
    macs: int
    energy: float
    seconds: float
    passes: int
    eight_bit: float | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The spiking network after some timesteps: scores, and means over samples of events and energy (mJ)."""

    timestep: int
    steps: float
    reads: float
    scores: Mapping[str, float]
    energy: Energy
    energy_ratio: float


@dataclass(frozen=True, slots=True)
class Layer:
    """One site at the last checkpoint.

    ``method`` is the neuron as a recipe would say it, with the parameters that are not its defaults; ``rate`` events
    per neuron and timestep; ``rule`` the recipe's line that placed the neuron. ``payload`` are the bits of one event,
    ``bits`` those of all of them, ``energy`` what the neurons themselves are charged (mJ).
    """

    site: str
    activation: str
    neuron: str
    method: str
    parameters: Mapping[str, Any]
    rule: str
    neurons: int
    spikes: float
    rate: float
    payload: int
    bits: float
    energy: float


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator that costs or stays analog: its kind, MACs, accumulations and energy (mJ) for one sample.

    ``repeats`` says that its MACs are multiplied at every timestep. ``event_rate`` are the events per input element and
    timestep of a layer that reads events, None of any other; at ``break_even_rate`` of them it would cost what it costs
    in the quantised network.
    """

    node: str
    operator: str
    path: str
    kind: str
    macs: int
    events: bool
    repeats: bool
    accumulations: float
    energy: float
    event_rate: float | None
    break_even_rate: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a run found out; ``docs/reference/report.md`` documents every field.

    ``chance`` is the headline of guessing, None where there is no such number.
    """

    schema: int
    headline: str
    about: Mapping[str, Any]
    network: Network
    checkpoints: tuple[Checkpoint, ...]
    layers: tuple[Layer, ...]
    operators: tuple[Operator, ...]
    uncharged: tuple[str, ...]
    spiking_share: float
    multiplied_share: float
    energy_model: str
    event_rate: float
    break_even_rate: float
    exits: Mapping[int, int]
    samples: int
    seconds: float
    chunk: int
    search: Mapping[str, Any] | None
    exit: Mapping[str, Any] | None
    pictures: Mapping[str, str]
    coding: str = RATE
    certificate: Certificate | None = None
    errors: tuple[SiteError, ...] = ()
    measured: Mapping[str, float] = field(default_factory=dict)
    charts: tuple[Chart, ...] = ()
    chance: float | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the metrics that stand in tables: those that are not one part of another."""
        return tuple(name for name in self._named if PART not in name)

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """Return for each metric that is told part by part, such as ``IoU`` class by class, the parts' metrics."""
        told = [name for name in self._named if PART in name]
        wholes = dict.fromkeys(name.partition(PART)[0] for name in told)
        return {whole: tuple(name for name in told if name.partition(PART)[0] == whole) for whole in wholes}

    @property
    def _named(self) -> dict[str, None]:
        """Return every metric that the network or a checkpoint has: a part may be missing in one of them."""
        scored = [self.network.scores, *(point.scores for point in self.checkpoints)]
        return {name: None for scores in scored for name in scores}

    def plain(self) -> dict[str, Any]:
        """Return the report as what JSON can hold."""
        return dataclasses.asdict(self)

    @staticmethod
    def load(folder: str | Path) -> Report:
        """Return the report of the folder of a run.

        Raises:
            SnnfwError: there is none, it is damaged, or of a newer version than this one.

        """
        reading = import_module("snnfw.report.reading")  # what reads reports knows them, so that none can know it
        read: Report = reading.read_report(Path(folder))
        return read

    def __str__(self) -> str:
        told: str = import_module("snnfw.report.notebook").report_text(self)  # what speaks of reports knows them
        return told

    def _repr_html_(self) -> str:
        shown: str = import_module("snnfw.report.notebook").report_table(self)
        return shown

    def save(self, folder: str | Path) -> Path:
        """Write report.json, report.html and config.yaml into a new folder, and return it.

        Raises:
            SnnfwError: the folder exists already, or cannot be written.

        """
        saving = import_module("snnfw.report.saving")  # pages are made of reports, so that no report can know them
        written: Path = saving.save_files(folder, saving.report_files(self, {}), self.about)
        return written
