"""Find the cheapest method within a drop, from a configuration to the report of the one that was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rich.console import Console

from snnfw import pipeline
from snnfw.config.schema import RunConfig, default_checkpoints
from snnfw.config.tuning import TuneConfig
from snnfw.launching import require_launcher
from snnfw.registry import Registry
from snnfw.report.folder import run_folder
from snnfw.report.report import Report
from snnfw.report.tabular import as_csv
from snnfw.stages import acquire_resources, load_subject
from snnfw.tracking import require_tracker
from snnfw.tuning.ground import Ground, hold_out
from snnfw.tuning.halving import import_optuna
from snnfw.tuning.hunt import find_cheapest
from snnfw.tuning.measuring import Meter
from snnfw.tuning.proposals import plain_method
from snnfw.tuning.record import record_of
from snnfw.tuning.space import Space, placeable, recipe_text
from snnfw.tuning.values import Choice, Finding
from snnfw.tuning.words import describe_test, explain, paper_sentence
from snnfw.values import Resources


def tune(config: TuneConfig, registry: Registry, console: Console) -> bool:
    """Search, run the method that was chosen on test data, write its folder, and tell whether something meets the drop.

    What was measured is kept in the user's cache: a search that was killed goes through it in no time, and ends as it
    would have.
    """
    import_optuna()  # before anything is computed
    shared = config.shared
    require_launcher(shared.launcher)
    require_tracker(shared.tracker)
    resources = acquire_resources(shared, console)
    target = run_folder(shared.out, "tune", shared.task.name, datetime.now())
    found = search_methods(config, resources)
    choice = found.choice
    headline = found.ground.subject.bundle.judgement.headline
    final = final_config(config, choice.chosen, found.ground, target)

    def told(report: Report) -> tuple[Report, Mapping[str, str | bytes]]:
        looked, chose = explain(choice, config.aim, headline)
        verdict = [chose, describe_test(report, config.aim.drop)]
        said = [looked, f"For a paper: {paper_sentence(report, choice, config.aim)}"]
        record = {**(report.search or {}), **record_of(choice, config.aim, found.left_out, verdict, said)}
        files = {
            "recipe.yaml": recipe_text(final),
            "candidates.csv": as_csv(record["candidates"]),
        }
        return replace(report, search=record), files

    pipeline.run(final, registry, console, told)
    return choice.met


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search has come to, the samples that it had, and why methods had no part in it."""

    ground: Ground
    choice: Choice
    left_out: Mapping[str, str]


def search_methods(config: TuneConfig, resources: Resources) -> Searched:
    """Return the cheapest method within the drop, found without the test data."""
    ground = hold_out(load_subject(config.shared, resources), config.aim.validate)
    meter = Meter(ground, config.aim.drop, config.shared)
    methods, left_out = placeable(config.methods, config.left_out, config.aim, ground)
    for name, reason in left_out.items():
        resources.tell(f"{name} is left out: {reason}")
    own = {method.name: method.stages for method in config.methods}
    return Searched(ground, find_cheapest(meter, config.aim, Space(methods, own, config.exits)), left_out)


def final_config(config: TuneConfig, finding: Finding, ground: Ground, target: Path) -> RunConfig:
    """Return the run of a method that was found, which converts with the samples that it was measured with."""
    chosen = finding.candidate.config
    share = ground.samples / (ground.converting + ground.samples)
    checkpoints = list(default_checkpoints(chosen.timesteps))
    made = config.configure({**plain_method(chosen), "fitting": share, "checkpoints": checkpoints})
    # The search was the launcher's work: a run without one has none.
    return replace(made, out=target, words=(), launcher=made.launcher if made.search else None)
