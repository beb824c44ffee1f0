"""Several methods on one network, one data set and one set of prices: from configuration to leaderboard."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

import torch
from rich.console import Console

from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.config.comparison import CompareConfig, Method
from snnfw.config.resolve import to_yaml
from snnfw.config.schema import RunConfig
from snnfw.errors import SnnfwError
from snnfw.files import write_folder
from snnfw.pipeline import about, acquire, fitting, load, search
from snnfw.plan.place import Plan, place
from snnfw.report.folder import as_json, run_folder
from snnfw.report.leaderboard import SCHEMA, Entry, Leaderboard, Standing, standing
from snnfw.report.leaderboard_page import leaderboard_page
from snnfw.report.leaderboard_table import show_leaderboard
from snnfw.report.report import Network, checkpoint, describe, network_itself
from snnfw.simulate.run import evaluate_network, simulate
from snnfw.simulate.trace import Trace
from snnfw.values import Bundle, Item, Resources


@dataclass(frozen=True, slots=True)
class Ground:
    """What all methods stand on: the captured network, its data, and what may be used."""

    graph: Graph
    bundle: Bundle
    resources: Resources


def compare(config: CompareConfig, console: Console | None = None) -> Leaderboard:
    """Run every method, report them side by side, and return the leaderboard; a method that fails says why in it."""
    console = console or Console(quiet=True)
    shared = config.shared
    resources = acquire(shared, console)
    target = run_folder(shared.out, "compare", shared.task.name, datetime.now())

    bundle = load(shared, resources)
    ground = Ground(capture(bundle.model, bundle.example), bundle, resources)
    network = measured(ground, shared)
    entries = tuple(entry(config, method, ground, network) for method in config.methods)
    board = Leaderboard(
        schema=SCHEMA,
        headline=bundle.headline,
        about=told(config, bundle),
        checkpoints=config.checkpoints,
        retarget=config.retarget,
        network=network,
        entries=entries,
    )
    show_leaderboard(board, console)  # before anything is drawn or written, which may fail
    written = {"leaderboard.json": as_json(board.plain()), "leaderboard.html": leaderboard_page(board)}
    folder = write_folder(target, {"config.yaml": to_yaml(config), **written})
    console.print(f"results in {folder}")
    return board


def measured(ground: Ground, shared: RunConfig) -> Network:
    """Return what the network itself scores and costs."""
    scores, seconds = evaluate_network(ground.graph, ground.bundle, ground.resources)
    plan = place(ground.graph, shared.layers, temporal=ground.bundle.temporal)
    return network_itself(plan, shared.energy, scores, seconds, ground.bundle.frames)


def entry(config: CompareConfig, method: Method, ground: Ground, network: Network) -> Entry:
    """Return how one method does, up to where it fails if it does."""
    standings: list[Standing] = []
    samples, error = 0, None
    try:
        for number, run in enumerate(config.runs(method)):
            followed = replace(ground, resources=following(ground.resources, method.name, run.timesteps))
            plan, trace = simulated(run, followed, warm=number > 0)
            samples = trace.samples
            for point in trace.points:
                reached = checkpoint(plan, point, run.energy, network.energy)
                standings.append(standing(reached, trace.seconds if point is trace.final else None))
    except Exception as fault:  # whatever a stranger's method raises: it must not lose the others their hours
        error = reason(fault)
    made = method.config
    return Entry(
        name=method.name,
        plugin=made.plugin,
        layers=tuple(f"{rule}: {describe(rule.neuron)}" for rule in made.layers),
        converter=describe(made.converter),
        search=describe(made.search) if made.search else None,
        exit=describe(made.exit) if made.exit else None,
        samples=samples,
        standings=tuple(standings),
        error=error,
    )


def simulated(run: RunConfig, ground: Ground, warm: bool) -> tuple[Plan, Trace]:
    """Convert and simulate one run; unless its kernels are warm, an untimed batch compiles them first."""
    graph, resources = ground.graph, ground.resources
    bundle, _ = fitting(run, ground.bundle)
    torch.manual_seed(run.seed)  # whatever ran before
    found = search(run, graph, place(graph, run.layers, temporal=bundle.temporal), bundle, resources)
    model = run.converter.convert(graph, found.plan, bundle.calibration, run.timesteps, resources)
    rule = run.exit.prepare(model, bundle, run.timesteps, resources) if run.exit else None
    if not warm:
        simulate(model, list(islice(bundle.evaluation, 1)), run.checkpoints, bundle.scorer, resources)
    return found.plan, simulate(model, bundle.evaluation, run.checkpoints, bundle.scorer, resources, rule)


def following(resources: Resources, name: str, timesteps: int) -> Resources:
    """Return the resources with progress that says whose it is."""

    def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
        return resources.track(items, f"{name}, T={timesteps}: {description}", total)

    return replace(resources, track=track)


def reason(fault: Exception) -> str:
    """Return what went wrong in one line."""
    said = " ".join(str(fault).split())
    return said if isinstance(fault, SnnfwError) else f"{type(fault).__name__}: {said}".removesuffix(": ")


def told(config: CompareConfig, bundle: Bundle) -> dict[str, Any]:
    """Return the provenance of a comparison: a run's, without what belongs to one method."""
    shared = {key: value for key, value in about(config.shared, bundle).items() if key not in ("plugin", "timesteps")}
    command = f"snnfw compare {shlex.join(config.words)}" if config.words else None
    return {**shared, "command": command, "config": dict(config.resolved)}
