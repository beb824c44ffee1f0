"""Several methods on one network, one data set and one set of prices: from configuration to leaderboard."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.text import Text

from snnfw.config.comparison import CompareConfig, Method
from snnfw.config.resolution import to_yaml
from snnfw.config.untrained import untrained_warning
from snnfw.energy.inventory import take_inventory
from snnfw.errors import StaleError
from snnfw.failures import one_line
from snnfw.files import write_folder
from snnfw.launching import begin_launcher
from snnfw.ranks.group import Ranks, in_step
from snnfw.ranks.start import start_ranks
from snnfw.registry import Registry
from snnfw.report.folder import run_folder
from snnfw.report.leaderboard import SCHEMA, Entry, Leaderboard, Standing, make_standing
from snnfw.report.leaderboard_table import show_leaderboard
from snnfw.report.progress import describe_stages
from snnfw.report.report import Network
from snnfw.report.saving import leaderboard_files
from snnfw.report.summary import describe_method, summarise_checkpoint
from snnfw.report.tracked import track_comparison
from snnfw.resuming import begin_progress, choose_target, first_words, part_of
from snnfw.stages import (
    Subject,
    acquire_resources,
    convert_and_simulate,
    load_subject,
    measure_network,
    place_neurons,
    provenance,
)
from snnfw.store.progress import Progress
from snnfw.tracking import require_tracker, track
from snnfw.values import Bundle, Item, Resources


def compare_methods(
    config: CompareConfig, console: Console | None = None, registry: Registry | None = None
) -> Leaderboard:
    """Run every method, report them side by side, and return the leaderboard; a method that fails says why in it.

    ``registry`` knows which presets are for networks trained with them, which is told before anything is computed.
    """
    shared = config.shared
    with start_ranks(shared.devices, shared.nodes, shared.device) as ranks:
        return _compare(config, (console if ranks.rank == 0 else None) or Console(quiet=True), registry, ranks)


def _compare(config: CompareConfig, console: Console, registry: Registry | None, ranks: Ranks) -> Leaderboard:
    """Compare as one of several processes, of which the first one tells and writes."""
    shared = config.shared
    resources = acquire_resources(shared, console)
    require_tracker(shared.tracker)
    searches = any(method.config.search for method in config.methods)
    begin_launcher(shared.launcher, searches, resources.tell)
    target = choose_target(
        shared.resume, ranks, lambda: run_folder(shared.out, "compare", shared.task.name, datetime.now())
    )
    config = replace(config, words=first_words(config.words, shared.resume))
    with begin_progress(config, target, resources.tell, ranks) as progress:
        return _enter_all(config, console, registry, resources, ranks, target, progress)


def _enter_all(
    config: CompareConfig,
    console: Console,
    registry: Registry | None,
    resources: Resources,
    ranks: Ranks,
    target: Path,
    progress: Progress,
) -> Leaderboard:
    """Run every method in every process; the first one tells and writes."""
    shared = config.shared
    if registry:
        warnings = (untrained_warning(method.config, registry) for method in config.methods)
        for warning in filter(None, warnings):
            resources.tell(warning)
    subject = load_subject(shared, resources, ranks)
    keeping = part_of(progress, "network", shared, subject.bundle)
    network = measure_network(shared, subject, place_neurons(shared, subject), keeping)
    entries = tuple(enter_method(config, method, subject, network, progress) for method in config.methods)
    board = Leaderboard(
        schema=SCHEMA,
        headline=subject.bundle.judgement.headline,
        about=comparison_provenance(config, subject.bundle),
        checkpoints=config.checkpoints,
        retarget=config.retarget,
        network=network,
        entries=entries,
        chance=subject.bundle.judgement.chance,
    )
    if ranks.rank:
        return board
    show_leaderboard(board, console)  # before anything is drawn or written, which may fail
    board = replace(board, about={**board.about, "stages": dict(resources.clock.seconds)})
    folder = write_folder(target, {"config.yaml": to_yaml(config), **leaderboard_files(board)})
    progress.finish()
    console.print(Text(f"took {describe_stages(resources.clock.seconds)}"), soft_wrap=True)
    console.print(Text(f"results in {folder}\nopen {folder / 'leaderboard.html'}"), soft_wrap=True)
    track(shared.tracker, resources.tell, *track_comparison(board, folder))
    return board


def enter_method(
    config: CompareConfig, method: Method, subject: Subject, network: Network, progress: Progress
) -> Entry:
    """Return how one method does, up to where it fails if it does; ``progress`` keeps how far its passes are."""
    place = config.methods.index(method)
    standings: list[Standing] = []
    samples, error = 0, None
    try:
        for number, run in enumerate(config.runs(method)):
            named = replace(subject, resources=name_progress(subject.resources, method.name, run.timesteps))
            torch.manual_seed(run.seed)  # whatever ran before
            with in_step(subject.ranks):  # of several processes all lose a method that one of them loses
                keeping = part_of(progress, f"method-{place}-T{run.timesteps}", run, subject.bundle)
                simulation = convert_and_simulate(run, named, warm_up=number == 0, part_of=keeping)
            trace, samples = simulation.trace, simulation.trace.samples
            inventory = take_inventory(subject.graph, simulation.found.plan)
            for point in trace.points:
                reached = summarise_checkpoint(inventory, point, run.energy, network)
                standings.append(make_standing(reached, trace.seconds if point is trace.final else None))
    except StaleError:  # which is no method's fault
        raise
    except Exception as fault:  # whatever a stranger's method raises: it must not lose the others their hours
        error = one_line(fault)
    made = method.config
    return Entry(
        name=method.name,
        plugin=made.plugin,
        layers=tuple(f"{rule}: {describe_method(rule.neuron)}" for rule in made.layers),
        converter=describe_method(made.converter),
        search=describe_method(made.search) if made.search else None,
        exit=describe_method(made.exit) if made.exit else None,
        samples=samples,
        standings=tuple(standings),
        error=error,
    )


def name_progress(resources: Resources, name: str, timesteps: int) -> Resources:
    """Return the resources with progress that says whose it is."""

    def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
        return resources.track(items, f"{name}, T={timesteps}: {description}", total)

    return replace(resources, track=track)


def comparison_provenance(config: CompareConfig, bundle: Bundle) -> dict[str, Any]:
    """Return the provenance of a comparison: a run's, without what belongs to one method."""
    about = provenance(config.shared, bundle)
    shared = {key: value for key, value in about.items() if key not in ("plugin", "timesteps")}
    command = f"snnfw compare {shlex.join(config.words)}" if config.words else None
    return {"command": command, **shared, "config": dict(config.resolved)}
