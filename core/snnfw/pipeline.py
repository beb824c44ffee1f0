"""The line that data takes, from a configuration to a report."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console
from rich.text import Text

from snnfw.archive.files import NAME, dump_network
from snnfw.config.resolution import to_yaml
from snnfw.config.schema import RunConfig
from snnfw.config.untrained import untrained_warning
from snnfw.diagnosis.findings import SiteError
from snnfw.diagnosis.splitting import split_errors
from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.files import write_folder
from snnfw.launching import begin_launcher
from snnfw.ranks.group import Ranks
from snnfw.ranks.start import start_ranks
from snnfw.registry import Registry
from snnfw.report.card import write_card
from snnfw.report.folder import run_folder
from snnfw.report.progress import describe_stages
from snnfw.report.report import Report
from snnfw.report.results import describe_results
from snnfw.report.saving import report_files
from snnfw.report.summary import make_report
from snnfw.report.tables import show_report
from snnfw.report.tracked import track_run
from snnfw.resuming import begin_progress, choose_target, first_words, part_of
from snnfw.simulate.look import draw_gallery
from snnfw.simulate.measuring import evaluation_inputs, measure_methods
from snnfw.simulate.settling import certify_first
from snnfw.spiking.model import SpikingModel
from snnfw.stages import (
    Simulation,
    Subject,
    acquire_resources,
    adopt_network,
    convert_and_simulate,
    load_subject,
    measure_network,
    provenance,
)
from snnfw.store.batches import describe_batches
from snnfw.store.progress import PartOf, Progress
from snnfw.tracking import require_tracker, track
from snnfw.values import Resources

LOOKED_AT = 8
"""Samples on which every run splits its errors; ``snnfw diagnose`` looks at more."""


Explain: TypeAlias = Callable[[Report], tuple[Report, Mapping[str, str | bytes]]]
"""Say how a method was chosen: the report with that, and files to stand beside it."""


def run(config: RunConfig, registry: Registry, console: Console | None = None, explain: Explain | None = None) -> Path:
    """Convert, simulate, score and report; return the folder that holds the results.

    ``explain`` says how the method was chosen: it is given the report, and returns it with that, and files beside it.
    With ``devices`` or ``nodes`` above 1 each process evaluates a part of the data, and the first one writes.
    """
    if not isinstance(config, RunConfig):
        raise wrong_kind_error("what to run", config, "what snnfw.resolve or snnfw.resolve_mapping returns")
    with start_ranks(config.devices, config.nodes, config.device) as ranks:
        return _run(config, registry, (console if ranks.rank == 0 else None) or Console(quiet=True), ranks, explain)


def _run(config: RunConfig, registry: Registry, console: Console, ranks: Ranks, explain: Explain | None = None) -> Path:
    """Run as one of several processes, and keep how far that is where there is nothing else to do again."""
    resources = acquire_resources(config, console)
    require_tracker(config.tracker)
    begin_launcher(config.launcher, config.search is not None, resources.tell)
    method = config.plugin or "recipe"
    target = choose_target(
        config.resume, ranks, lambda: run_folder(config.out, config.task.name, method, datetime.now())
    )
    config = replace(config, words=first_words(config.words, config.resume))
    if explain:
        return _report(config, registry, console, resources, ranks, target, explain=explain)
    with begin_progress(config, target, resources.tell, ranks) as progress:
        return _report(config, registry, console, resources, ranks, target, progress)


def _report(
    config: RunConfig,
    registry: Registry,
    console: Console,
    resources: Resources,
    ranks: Ranks,
    target: Path,
    progress: Progress | None = None,
    explain: Explain | None = None,
) -> Path:
    """Convert, simulate and score in every process; the first one tells, draws and writes."""
    warning = untrained_warning(config, registry)
    if warning:
        resources.tell(warning)
    subject = load_subject(config, resources, ranks)
    config = adopt_network(config, subject)
    simulation = convert_and_simulate(config, subject, part_of=part_of(progress, "simulate", config, subject.bundle))
    keeping = part_of(progress, "network", config, subject.bundle)
    if ranks.rank:
        measure_network(config, subject, simulation.found.plan, keeping)
        return target
    report = report_run(config, subject, simulation, keeping)
    report = replace(report, about={**report.about, **({"warnings": [warning]} if warning else {})})
    report, explaining = explain(report) if explain else (report, {})
    show_report(report, console)  # before anything is drawn or written, which may fail

    methods = (
        config.converter,
        config.search,
        config.exit,
        *(each.neuron for each in simulation.found.plan.placements),
    )
    clock = resources.clock
    with clock.stage("measure"):
        measured = measure_methods(methods, simulation.model, subject.bundle, resources)
        errors = split_run(config, simulation.model, subject)
    report = replace(report, measured=measured.numbers, charts=measured.charts, errors=errors)

    scores = report.network.scores
    with clock.stage("pictures"):
        drawings = draw_gallery(subject.graph, simulation.model, subject.bundle, simulation.trace, scores, resources)
    drawn = {f"pictures/{drawing.name}.png": drawing for drawing in drawings}
    report = replace(report, pictures={name: drawing.caption for name, drawing in drawn.items()})
    files = {**simulation.found.files, **explaining, **{name: drawing.image for name, drawing in drawn.items()}}
    models = registry.energy_models.values()
    results = describe_results(report, subject.graph, simulation.found.plan, config.energy, models)
    about = {**report.about, **results}
    with clock.stage("save"):
        kept = network_files(config, simulation.model, about, resources) if config.save else {}
    kept["card.md"] = write_card(simulation.model, about, kept=bool(kept)).encode()
    report = replace(report, about={**report.about, "stages": dict(clock.seconds)})
    with clock.stage("write"):
        folder = write_folder(target, {**files, "config.yaml": to_yaml(config), **report_files(report, files), **kept})
    if progress:
        progress.finish()
    console.print(Text(f"took {describe_stages(clock.seconds)}"), soft_wrap=True)
    console.print(Text(f"results in {folder}\nopen {folder / 'report.html'}"), soft_wrap=True)
    registry.after_run(report, folder, resources.tell)
    track(config.tracker, resources.tell, track_run(report, folder))
    return folder


def split_run(config: RunConfig, model: SpikingModel, subject: Subject) -> tuple[SiteError, ...]:
    """Return where each site's error comes from, on a few samples; of weights trained to spike nothing is an error."""
    if (config.checkpoint is not None and subject.made is None) or not model.neurons:
        return ()
    inputs = evaluation_inputs(subject.bundle, subject.resources, LOOKED_AT)
    found = split_errors(model, inputs, subject.resources.memory, LOOKED_AT)
    return tuple(replace(site, points=()) for site in found.sites)


def network_files(
    config: RunConfig, model: SpikingModel, about: Mapping[str, Any], resources: Resources
) -> dict[str, bytes]:
    """Return the spiking network as a file, or none, with a line that says why, where it cannot be kept in one."""
    try:
        content = dump_network(model, memory=config.memory, costs=config.energy, about=about)
    except SnnfwError as error:
        resources.tell(f"{NAME} is not written: {error}")
        return {}
    return {NAME: content}


def report_run(config: RunConfig, subject: Subject, simulation: Simulation, part_of: PartOf | None = None) -> Report:
    """Return the report of one run, once the network itself is measured."""
    plan, rule = simulation.found.plan, simulation.rule
    command = f"snnfw run {shlex.join(config.words)}" if config.words else None
    return make_report(
        subject.graph,
        plan,
        simulation.trace,
        measure_network(config, subject, plan, part_of),
        config.energy,
        headline=subject.bundle.judgement.headline,
        about={
            "command": command,
            **provenance(config, subject.bundle),
            **simulation.fitting,
            "calibration": describe_batches(subject.bundle.data.calibration),
            "evaluation": describe_batches(subject.bundle.data.evaluation),
        },
        searched=simulation.found.record,
        exited=rule.record() if rule else None,
        certificate=certify_first(simulation.model, subject.bundle.data.evaluation, config.memory),
        chance=subject.bundle.judgement.chance,
    )
