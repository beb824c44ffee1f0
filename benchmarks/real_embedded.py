"""Convert an embedded network with each setting as ``snnfw run`` does, and score it by its task."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import torch
from rich.console import Console

from benchmarks.real_rows import Row, rows_of
from benchmarks.real_settings import Setting
from snnfw import Registry, Report, RunConfig, resolve
from snnfw.energy import take_inventory
from snnfw.report.summary import make_report, summarise_network
from snnfw.simulate import evaluate_network
from snnfw.stages import acquire_resources, convert_and_simulate, load_subject


class Embedded:
    """An embedded network with its task's data and its own scores, on which settings are tried."""

    def __init__(self, name: str, words: str, limit: int | None, calibration: int | None) -> None:
        given = {"task.limit": limit, "task.calibration": calibration}
        self.name = name
        self.words = [*words.split(), *(f"{key}={value}" for key, value in given.items() if value is not None)]
        self.registry = Registry()
        config = resolve([*self.words, "neuron=tracking"], self.registry)
        self.subject = load_subject(config, acquire_resources(config, Console(quiet=True)))
        bundle = self.subject.bundle
        self.scores, self.seconds = evaluate_network(
            self.subject.graph, bundle.data, bundle.judgement.scorer, self.subject.resources
        )

    def measure(self, setting: Setting, timesteps: Sequence[int], command: str) -> list[Row]:
        """Return a row for each of the timesteps, all of one conversion for the last of them."""
        return rows_of(self.report(setting.words, timesteps), self.name, setting, command)

    def report(self, words: str, timesteps: Sequence[int]) -> Report:
        """Return what ``snnfw run`` would report of a method; the network itself is scored once for all of them."""
        config, subject = self.config(words, timesteps), self.subject
        torch.manual_seed(config.seed)  # whatever ran before
        ran = convert_and_simulate(config, subject)
        plan, data = ran.found.plan, subject.bundle.data
        inventory = take_inventory(subject.graph, plan)
        own = summarise_network(inventory, config.energy, self.scores, self.seconds, data.frames)
        headline = subject.bundle.judgement.headline
        return make_report(subject.graph, plan, ran.trace, own, config.energy, headline, about={})

    def config(self, words: str, timesteps: Sequence[int]) -> RunConfig:
        """Return the configuration of a setting's run."""
        read = [f"timesteps={max(timesteps)}", f"checkpoints=[{','.join(map(str, timesteps))}]"]
        return resolve([*self.words, *shlex.split(words), *read], self.registry)
