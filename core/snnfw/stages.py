"""The stages of a run that several commands share: what a task brings, and from a plan to a simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from typing import Any, TypeVar

import torch
from rich.console import Console
from rich.text import Text

from snnfw.archive.captures import capture_once
from snnfw.archive.files import read_network
from snnfw.archive.sending import REDUCERS
from snnfw.capture.graph import Graph, read_weights
from snnfw.config.schema import MethodConfig, RunConfig, default_checkpoints
from snnfw.contracts import ExitPolicy
from snnfw.energy.inventory import take_inventory
from snnfw.errors import SnnfwError, has_attributes, wrong_kind_error
from snnfw.failures import tell_new_names
from snnfw.kernels.choice import choose_backend
from snnfw.planning.placement import Plan, place
from snnfw.planning.strict import require_all_spiking
from snnfw.ranks.group import ALONE, Ranks
from snnfw.report.progress import show_progress
from snnfw.report.report import Network
from snnfw.report.summary import summarise_network
from snnfw.search.fitting import SHARE, set_aside
from snnfw.search.results import SearchResult
from snnfw.search.sharing import agree_on_model, search_once
from snnfw.search.trials import Trials
from snnfw.search.workers import Workers
from snnfw.simulate.run import evaluate_network, simulate
from snnfw.simulate.trace import Trace
from snnfw.spiking.frames import require_frames
from snnfw.spiking.model import SpikingModel
from snnfw.store.batches import few_batches, keep_first
from snnfw.store.progress import PartOf
from snnfw.training.checkpoint import load_weights
from snnfw.values import Bundle, ExitRule, Resources

Returned = TypeVar("Returned")


@dataclass(frozen=True, slots=True)
class Subject:
    """What methods are tried on: a task's network, captured, with its data, and what may be used.

    ``made`` is the spiking model that a file holds, where one is run instead of being converted. ``ranks`` are the
    processes that share the evaluation.
    """

    bundle: Bundle
    graph: Graph
    resources: Resources
    made: SpikingModel | None = None
    ranks: Ranks = ALONE


@dataclass(frozen=True, slots=True)
class Converted:
    """One method's spiking model of a subject: the plan found, and the bundle with what was left for exits to fit.

    ``fitting`` is a record of the calibration samples that were set aside.
    """

    found: SearchResult
    model: SpikingModel
    bundle: Bundle
    fitting: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Simulation:
    """A converted subject, who may leave early, and what was seen."""

    converted: Converted
    rule: ExitRule | None
    trace: Trace

    @property
    def found(self) -> SearchResult:
        """Return the plan, and what the search kept of itself."""
        return self.converted.found

    @property
    def model(self) -> SpikingModel:
        """Return the spiking model."""
        return self.converted.model

    @property
    def fitting(self) -> Mapping[str, Any]:
        """Return the record of the calibration samples that were set aside."""
        return self.converted.fitting


def acquire_resources(config: MethodConfig, console: Console) -> Resources:
    """Seed the generators and return what the stages may use, refusing a device that is not there."""
    require_device(config.device)
    choose_backend(config.backend, config.device)
    torch.manual_seed(config.seed)

    def tell(line: str) -> None:
        console.print(Text(line), soft_wrap=True)

    track = show_progress(console, tell, config.timesteps)
    return Resources(config.device, config.backend, config.memory, config.seed, track, tell)


def require_device(name: str) -> None:
    """Refuse a device that this machine does not have."""
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        there = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        raise SnnfwError(f"device '{name}' is not there: this machine has {', '.join(there)}.") from error


def load_bundle(config: RunConfig, resources: Resources) -> Bundle:
    """Return the task's bundle, with the weights of a checkpoint where one is named."""
    with tell_new_names(f"task={config.task.name}"), resources.clock.stage("load"):
        loaded = config.task.load(config.model, config.data, resources)
    bundle = require_returned(config.task, loaded, Bundle)
    require_frames(config.timesteps, bundle.data.frames)
    if config.checkpoint is not None and not config.checkpoint.is_file():
        trained = load_weights(bundle.model, config.checkpoint, config.plugin)
        return replace(bundle, description={**bundle.description, "trained": dict(trained)})
    return bundle


def load_subject(config: RunConfig, resources: Resources, ranks: Ranks = ALONE) -> Subject:
    """Return the task's network, captured, with its data; of a file, the networks that it holds."""
    bundle = keep_first(load_bundle(config, resources))
    if config.checkpoint is not None and config.checkpoint.is_file():
        made = read_network(config.checkpoint).model.to(config.device)
        frames = bundle.data.temporal
        if made.plan.temporal != frames:
            takes, holds = ("frames" if temporal else "single inputs" for temporal in (made.plan.temporal, frames))
            raise SnnfwError(
                f"checkpoint={config.checkpoint} takes {takes}, and the data holds {holds}: score it on such data."
            )
        return Subject(bundle, made.graph, resources, made, ranks)
    if bundle.merge:
        bundle.merge()
    with resources.clock.stage("capture"):
        graph = capture_once(bundle.model, bundle.example)
    return Subject(bundle, graph, resources, ranks=ranks)


def adopt_network(config: RunConfig, subject: Subject) -> RunConfig:
    """Return the configuration with the method and the timesteps of the network that a file holds, if one is run."""
    if subject.made is None:
        return config
    steps = subject.made.timesteps
    said = config.checkpoints if config.checkpoints != default_checkpoints(config.timesteps) else None
    if said and max(said) > steps:
        raise SnnfwError(
            f"checkpoints={list(said)} is not allowed: checkpoint={config.checkpoint} runs {steps} timesteps."
        )
    return replace(
        config, timesteps=steps, checkpoints=said or default_checkpoints(steps), layers=subject.made.plan.layers
    )


def place_neurons(config: MethodConfig, subject: Subject) -> Plan:
    """Return the plan: every operator's fate under the recipe."""
    if subject.made is not None:
        return subject.made.plan
    return place(subject.graph, config.layers, temporal=subject.bundle.data.temporal)


def convert_subject(config: MethodConfig, subject: Subject) -> Converted:
    """Plan, search and convert: from a network to its spiking model; one that a file holds is there already."""
    if subject.made is not None:
        return Converted(SearchResult(subject.made.plan), subject.made, subject.bundle, {})
    bundle, fitting = set_fitting_aside(config, subject.bundle)
    graph, resources = subject.graph, subject.resources
    placed = place_neurons(config, subject)
    with resources.clock.stage("search"):
        found = search_once(subject.ranks, lambda: search_plan(config, graph, placed, bundle, resources), graph)
    with tell_new_names(f"converter={config.converter.name}"), resources.clock.stage("convert"):
        converted = config.converter.convert(graph, found.plan, bundle.data.calibration, config.timesteps, resources)
    return Converted(found, require_returned(config.converter, converted, SpikingModel), bundle, fitting)


def convert_and_simulate(
    config: MethodConfig, subject: Subject, warm_up: bool = False, part_of: PartOf | None = None
) -> Simulation:
    """Plan, search, convert, prepare exits and simulate: one method on a subject, from start to end.

    With ``warm_up`` an untimed batch compiles the kernels before the timed ones; ``part_of`` keeps how far these are.
    """
    converted = convert_subject(config, subject)
    model, bundle, resources = converted.model, converted.bundle, subject.resources
    with resources.clock.stage("exit"):
        rule = prepare_exit(config.exit, model, bundle, config.timesteps, resources)
    agree_on_model(subject.ranks, model, rule)
    data, scorer = bundle.data.evaluation, bundle.judgement.scorer
    with resources.clock.stage("simulate"):
        if warm_up:
            simulate(model, list(islice(few_batches(data), 1)), config.checkpoints, scorer, resources)
        part = part_of(model.state_dict, rule) if part_of else None
        trace = simulate(model, data, config.checkpoints, scorer, resources, rule, subject.ranks, part)
    return Simulation(converted, rule, trace)


def set_fitting_aside(config: MethodConfig, bundle: Bundle) -> tuple[Bundle, Mapping[str, Any]]:
    """Return the bundle with samples set aside for what is fitted, and what the report says of that."""
    fits = config.search is not None or (config.exit is not None and getattr(config.exit, "fits", True))
    bundle, record = set_aside(bundle, config.fitting, fits)
    return bundle, {"fitting": record} if fits or config.fitting else {}


def prepare_exit(
    policy: ExitPolicy | None, model: SpikingModel, bundle: Bundle, timesteps: int, resources: Resources
) -> ExitRule | None:
    """Return the rule that says which samples leave early, or None where none does."""
    if policy is None:
        return None
    with tell_new_names(f"exit={policy.name}"):
        rule = policy.prepare(model, bundle, timesteps, resources)
    if not has_attributes(rule, "done", "record"):
        raise wrong_kind_error(f"what exit '{policy.name}' returns", rule, "a rule, see snnfw.ExitRule")
    return rule


def search_plan(config: MethodConfig, graph: Graph, placed: Plan, bundle: Bundle, resources: Resources) -> SearchResult:
    """Return the plan to run: the recipe's, or the one that the search finds around it."""
    if config.strict:
        require_all_spiking(placed)
    if config.search is None:
        return SearchResult(placed)
    share = (SHARE if config.fitting is None else config.fitting) if bundle.data.fitting else 0.0
    data = replace(bundle.data, evaluation=())  # which a search never sees
    workers = Workers(config.launcher, REDUCERS) if config.launcher else None
    settings = (config.converter, config.timesteps, config.energy, resources, share, workers)
    trials = Trials(graph, data, bundle.judgement, *settings)
    with tell_new_names(f"search={config.search.name}"):
        found = config.search.search(placed, trials)
    return require_returned(config.search, found, SearchResult)


def require_returned(method: Any, returned: object, kind: type[Returned]) -> Returned:
    """Return the result of a method, or raise an SnnfwError where it is of another kind."""
    if not isinstance(returned, kind):
        raise wrong_kind_error(f"what '{method.name}' returns", returned, f"a snnfw.{kind.__name__}")
    return returned


def measure_network(config: MethodConfig, subject: Subject, plan: Plan, part_of: PartOf | None = None) -> Network:
    """Return the network's own scores and cost on the evaluation data."""
    bundle = subject.bundle
    with subject.resources.clock.stage("evaluate the network"):
        part = part_of(lambda: read_weights(subject.graph), None) if part_of else None
        scorer = bundle.judgement.scorer
        scores, seconds = evaluate_network(subject.graph, bundle.data, scorer, subject.resources, subject.ranks, part)
    inventory = take_inventory(subject.graph, plan)
    return summarise_network(inventory, config.energy, scores, seconds, bundle.data.frames)


def provenance(config: MethodConfig, bundle: Bundle) -> dict[str, Any]:
    """Return the provenance of a run or a conversion: what was done, on what, with which versions, and when."""
    backend = choose_backend(config.backend, config.device)
    return {
        **({"task": config.task.name} if isinstance(config, RunConfig) else {}),
        "plugin": config.plugin,
        "timesteps": config.timesteps,
        "device": config.device,
        "backend": {"name": backend.name, "reason": backend.reason},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in ("snnfw", "torch", "spikingjelly")},
        "config": dict(config.resolved),
        **bundle.description,
    }
