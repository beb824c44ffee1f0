"""The line that data takes, from a configuration to a report."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track as progress_bar
from rich.text import Text

from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.config.resolve import to_yaml
from snnfw.config.schema import RunConfig
from snnfw.errors import SnnfwError, misgiven
from snnfw.files import write_folder
from snnfw.kernels.choice import choose
from snnfw.plan.place import Plan, place
from snnfw.plan.strict import require_all_spiking
from snnfw.registry import Registry
from snnfw.report.folder import as_json, run_folder
from snnfw.report.html import report_page
from snnfw.report.report import make_report, network_itself
from snnfw.report.tables import show_plan, show_report
from snnfw.search.fitting import SHARE, set_aside
from snnfw.search.results import Found
from snnfw.search.trials import Trials
from snnfw.simulate.look import look
from snnfw.simulate.run import evaluate_network, simulate
from snnfw.training.checkpoint import load_weights
from snnfw.values import Bundle, Item, Resources, untracked


def run(config: RunConfig, registry: Registry, console: Console | None = None) -> Path:
    """Convert, simulate, score and report; return the folder that holds the results."""
    if not isinstance(config, RunConfig):
        raise misgiven("what to run", config, "what snnfw.resolve or snnfw.resolve_mapping returns")
    console = console or Console(quiet=True)
    resources = acquire(config, console)
    target = run_folder(config.out, config.task.name, config.plugin or "recipe", datetime.now())

    bundle, fitted = fitting(config, load(config, resources))
    graph = capture(bundle.model, bundle.example)
    placed = place(graph, config.layers, temporal=bundle.temporal)
    found = search(config, graph, placed, bundle, resources)
    model = config.converter.convert(graph, found.plan, bundle.calibration, config.timesteps, resources)
    rule = config.exit.prepare(model, bundle, config.timesteps, resources) if config.exit else None
    trace = simulate(model, bundle.evaluation, config.checkpoints, bundle.scorer, resources, rule)
    scores, seconds = evaluate_network(graph, bundle, resources)
    network = network_itself(found.plan, config.energy, scores, seconds, bundle.frames)
    told, records = about(config, bundle) | fitted, (found.record, rule.record() if rule else None)
    report = make_report(graph, found.plan, trace, network, config.energy, bundle.headline, told, *records)
    show_report(report, console)  # before anything is drawn or written, which may fail

    drawn = {f"pictures/{d.name}.png": d for d in look(graph, model, bundle, trace, scores, resources)}
    report = replace(report, pictures={name: drawing.caption for name, drawing in drawn.items()})
    files = {**found.files, **{name: drawing.image for name, drawing in drawn.items()}}
    written = {"report.json": as_json(report.plain()), "report.html": report_page(report, files)}
    folder = write_folder(target, {**files, "config.yaml": to_yaml(config), **written})
    console.print(f"results in {folder}")
    registry.after_run(report)
    return folder


def plan(config: RunConfig, registry: Registry, console: Console) -> None:
    """Say what would become of every operator, and compute nothing."""
    del registry
    resources = acquire(config, console)
    bundle = load(config, resources)
    graph = capture(bundle.model, bundle.example)
    placed = place(graph, config.layers, temporal=bundle.temporal)
    show_plan(placed, console)
    if config.strict:
        require_all_spiking(placed)


def search(config: RunConfig, graph: Graph, placed: Plan, bundle: Bundle, resources: Resources) -> Found:
    """Return the plan to run: the recipe's, or the one that the search finds around it."""
    if config.strict:
        require_all_spiking(placed)
    if config.search is None:
        return Found(placed)
    share = (SHARE if config.fitting is None else config.fitting) if bundle.fitting else 0.0
    trials = Trials(graph, bundle, config.converter, config.timesteps, config.energy, resources, share)
    return config.search.search(placed, trials)


def fitting(config: RunConfig, bundle: Bundle) -> tuple[Bundle, dict[str, Any]]:
    """Return the bundle with samples set aside for what is fitted, and what the report says of that."""
    fits = config.search is not None or (config.exit is not None and getattr(config.exit, "fits", True))
    bundle, record = set_aside(bundle, config.fitting, fits)
    return bundle, {"fitting": record} if fits or config.fitting else {}


def acquire(config: RunConfig, console: Console) -> Resources:
    """Seed the generators and return what the stages may use, refusing a device that is not there."""
    check_device(config.device)
    choose(config.backend, config.device)
    torch.manual_seed(config.seed)

    def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
        return progress_bar(items, description, total=total, console=console, transient=True)

    def tell(line: str) -> None:
        console.print(Text(line), soft_wrap=True)

    shown = track if console.is_terminal else untracked
    return Resources(config.device, config.backend, config.memory, config.seed, shown, tell)


def load(config: RunConfig, resources: Resources) -> Bundle:
    """Return what the task brings, with the weights of a checkpoint where one is named."""
    bundle = config.task.load(config.model, config.data, resources)
    if bundle.frames is not None and config.timesteps > bundle.frames:
        raise SnnfwError(
            f"timesteps={config.timesteps} and the data holds {bundle.frames} frames: give timesteps={bundle.frames} "
            "or fewer, or cut the data into more frames."
        )
    if config.checkpoint is not None:
        load_weights(bundle.model, config.checkpoint, config.plugin)
    return bundle


def check_device(name: str) -> None:
    """Refuse a device that this machine does not have."""
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        there = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        raise SnnfwError(f"device '{name}' is not there: this machine has {', '.join(there)}.") from error


def about(config: RunConfig, bundle: Bundle) -> dict[str, Any]:
    """Return the provenance of a run: what was run, on what, with which versions, and when."""
    versions = {name: version(name) for name in ("snnfw", "torch", "spikingjelly")}
    backend = choose(config.backend, config.device)
    return {
        "command": f"snnfw run {shlex.join(config.words)}" if config.words else None,
        "task": config.task.name,
        "plugin": config.plugin,
        "timesteps": config.timesteps,
        "device": config.device,
        "backend": {"name": backend.name, "reason": backend.reason},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions,
        "config": dict(config.resolved),
        **bundle.description,
    }
