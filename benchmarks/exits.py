"""Early exit: how much of the time that the mean exit promises is saved on the wall clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch

from benchmarks.result import Cell, Section
from benchmarks.timing import Measured, seconds, spread
from snnfw import Batch, Bundle, ExitPolicy, ExitRule, Resources
from snnfw.capture.export import capture
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.simulate.run import simulate
from snnfw.simulate.trace import Trace
from snnfw.spiking.model import SpikingModel
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.exits import Confidence, Entropy, Fixed
from snnfw_tasks.classification.data.digits import Digits
from snnfw_tasks.classification.models.digits import DigitsResNet20
from snnfw_tasks.classification.task import Classification

ALL = "without an exit"


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured: so many test digits in batches, on ResNet-20 with adafire for ``timesteps``."""

    batch: int = 128
    samples: int = 512
    timesteps: int = 16
    device: str = "cpu"
    backend: str = "native"

    def policies(self) -> Mapping[str, ExitPolicy]:
        """Return what is compared, from samples that leave one by one to all of them at once."""
        return {
            "entropy": Entropy(),
            "entropy, minimum=6": Entropy(minimum=6),
            "confidence 0.9": Confidence(threshold=0.9),
            "confidence 0.8 of the mean": Confidence(threshold=0.8, logits="mean"),
            f"fixed {self.timesteps // 2}": Fixed(timestep=max(1, self.timesteps // 2)),
            f"fixed {self.timesteps}": Fixed(timestep=self.timesteps),
        }

    def resources(self) -> Resources:
        """Return what a simulation may use."""
        return Resources(device=self.device, backend=self.backend)


def measure(settings: Settings, repetitions: int = 5) -> Iterator[Section]:
    """Yield the table."""
    bundle = Classification(batch=settings.batch, limit=settings.samples).load(
        DigitsResNet20(), Digits(), settings.resources()
    )
    model, batches = converted(bundle, settings), list(bundle.data.evaluation)
    rules: dict[str, ExitRule | None] = {ALL: None}
    for name, policy in settings.policies().items():
        rules[name] = policy.prepare(model, bundle, settings.timesteps, settings.resources())
    runs = {name: partial(run, model, bundle, batches, settings, rule) for name, rule in rules.items()}
    traces = {name: measured() for name, measured in runs.items()}
    yield _section(settings, traces, seconds(runs, repetitions, device=settings.device))


def converted(bundle: Bundle, settings: Settings) -> SpikingModel:
    """Return the network, calibrated for all timesteps."""
    graph = capture(bundle.model, bundle.example)
    plan = place(graph, (Rule("*", AdaFire()),))
    return Calibration().convert(graph, plan, bundle.data.calibration, settings.timesteps, settings.resources())


def run(
    model: SpikingModel, bundle: Bundle, batches: list[Batch], settings: Settings, exit_rule: ExitRule | None
) -> Trace:
    """Simulate and score all samples."""
    with torch.no_grad():
        return simulate(model, batches, [settings.timesteps], bundle.judgement.scorer, settings.resources(), exit_rule)


def _section(settings: Settings, traces: Mapping[str, Trace], found: Measured) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for name, trace in traces.items():
        promised = 1 - trace.final.steps / settings.timesteps
        saved = [1 - own / whole for own, whole in zip(found.values[name], found.values[ALL], strict=True)]
        kept: Cell = spread(share / promised for share in saved) if promised else ""
        accuracy = f"{100 * trace.final.scores['accuracy']:.2f}"
        timing = (f"{1e3 * found.median(name):.0f}", found.ratio(name, ALL))
        rows.append((name, accuracy, f"{trace.final.steps:.2f}", *timing, f"{promised:.2f}", kept))
    columns = ("exit", "accuracy [%]", "mean exit", "ms", f"time / {ALL}", "promised saving", "saved / promised")
    sizes = f"{traces[ALL].samples} samples in batches of {settings.batch}, T = {settings.timesteps}"
    return Section(f"digits-resnet20, adafire, {sizes}, {settings.backend}", columns, tuple(rows), found)
