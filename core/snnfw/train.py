"""The line of a training: from a configuration to the weights of a network that was trained as a spiking one."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import torch
from rich.console import Console

from snnfw.capture.export import capture
from snnfw.config.resolution import to_yaml
from snnfw.config.training import TrainConfig
from snnfw.config.trust import confirming_words, tracker_words
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.files import write_file, write_folder
from snnfw.planning.placement import place
from snnfw.report.folder import as_json, run_folder
from snnfw.report.progress import describe_stages
from snnfw.report.tracked import track_training
from snnfw.stages import acquire_resources, load_bundle
from snnfw.tracking import require_tracker, track
from snnfw.training.checkpoint import WEIGHTS, save_weights
from snnfw.training.fit import LAST, fit, require_training
from snnfw.training.fresh import initialise
from snnfw.training.lines import METRICS, EpochLines
from snnfw.training.network import TrainingNetwork
from snnfw.training.processes import is_first_process
from snnfw.training.tdbn import raise_gains, scale_norms
from snnfw.values import Keep

REPORT = "training.json"


STARTS = {
    "fresh": "the network is initialised anew (trainer.start=fresh)",
    "given": "the network starts from the weights that it has (trainer.start=given)",
    "resumed": "the training goes on behind its last whole epoch",
}
"""What the weights are before the first step, by how a training starts."""


def train(config: TrainConfig, console: Console | None = None, trainable: Sequence[str] = ()) -> Path:
    """Train, and return the folder that holds logs, checkpoint and, once it is finished, the weights.

    ``trainable`` are the tasks that a refusal may name.

    Raises:
        KeyboardInterrupt: someone stopped it; the message says how to go on.

    """
    first = is_first_process()
    console = console if console and first else Console(quiet=True)
    resources = acquire_resources(config.run, console)
    if first:
        require_tracker(config.run.tracker)
    target = training_folder(config)

    bundle = load_bundle(config.run, resources)
    training = require_training(bundle, trainable)
    if config.trainer.start == "fresh":
        initialise(bundle.model, config.run.seed)
        if training.settle:
            training.settle()
    with resources.clock.stage("capture"):
        graph = capture(bundle.model, bundle.example, trainable=True)
    plan = place(graph, config.run.layers, temporal=bundle.data.temporal)
    if bundle.data.temporal and all(isinstance(placement.neuron, Keep) for placement in plan.placements):
        raise SnnfwError("without neurons nothing carries over from frame to frame: give the data as one static input.")
    norm, fresh = config.trainer.norm, config.trainer.start == "fresh"
    scaled = scale_norms(graph, plan, norm) if norm != "batch" and fresh else {}
    if config.trainer.gain != 1.0:
        raise_gains(graph, config.trainer.gain)
    model = Direct().convert(graph, plan, bundle.data.calibration, config.run.timesteps, resources)
    going_on = config.resume is not None and (config.resume / LAST).exists()
    console.print(STARTS["resumed" if going_on else config.trainer.start or "fresh"])
    with create_folder(config, target) as folder:
        with resources.clock.stage("train"):
            scores = fit(
                TrainingNetwork(model),
                bundle,
                config.trainer,
                folder,
                resources,
                quiet=not console.is_terminal,
                devices=config.run.devices,
                nodes=config.run.nodes,
            )
        console.print(f"{', '.join(f'{name} {value:.4f}' for name, value in scores.items())}")
        facts = {
            "plugin": config.run.plugin or "",
            "model": config.run.model.name,
            "timesteps": str(config.run.timesteps),
            "torch": torch.__version__,
        }
        if first:
            save_weights(bundle.model, folder / WEIGHTS, facts)
            write_file(folder / REPORT, as_json({"scores": scores, "norms": scaled, **facts}))
    console.print(f"took {describe_stages(resources.clock.seconds)}", soft_wrap=True)
    console.print(
        f"weights in {folder}: {resume_command(config, 'run checkpoint', folder)} runs them",
        soft_wrap=True,
        markup=False,
    )
    if first and config.run.tracker is not None:
        about = {**facts, "task": config.run.task.name, "stages": dict(resources.clock.seconds)}
        rows = EpochLines(folder / METRICS).rows
        track(config.run.tracker, resources.tell, track_training(rows, config.resolved, about, folder))
    return folder


def training_folder(config: TrainConfig) -> Path:
    """Return the training's folder: the one to go on in, or one that is not there yet, but for the first process."""
    if config.resume is None and config.run.out and not is_first_process():
        return config.run.out
    if config.resume is None:
        name = f"train-{config.run.task.name}"
        return run_folder(config.run.out, name, config.run.plugin or "recipe", datetime.now())
    finished = config.resume / REPORT
    if finished.exists():
        try:
            said = json.loads(finished.read_text(encoding="utf-8"))["scores"]
        except (ValueError, KeyError, TypeError) as error:
            raise SnnfwError(f"'{finished}' is damaged: delete it to finish the training again.") from error
        raise SnnfwError(f"resume={config.resume} is finished ({said}): nothing is left to train.")
    return config.resume


@contextmanager
def create_folder(config: TrainConfig, target: Path) -> Iterator[Path]:
    """Yield the training's folder, made if it is a new one; it stays once there is an epoch to go on behind."""
    if not is_first_process():  # which makes it, and says what became of the training
        yield target
        return
    missing = [path for path in (target, *target.parents) if not path.exists()]
    folder = target if config.resume else write_folder(target, {"config.yaml": to_yaml(config)})
    try:
        yield folder
    except BaseException as error:
        # A disk that is full is no refusal: what the training was told stays, and it can begin once there is room.
        kept = bool(config.resume) or (folder / LAST).exists() or isinstance(error.__cause__, OSError)
        if not kept:
            shutil.rmtree(folder)
            for path in missing[1:]:
                with suppress(OSError):  # another run has come
                    path.rmdir()
        if isinstance(error, KeyboardInterrupt):
            again = f"{resume_command(config, 'train resume', folder)} goes on behind the last whole epoch"
            raise KeyboardInterrupt(again if kept else "no epoch was whole, so nothing is kept") from error
        raise


def resume_command(config: TrainConfig, key: str, folder: Path) -> str:
    """Return the command that goes on with a training's folder, with the words that allow it what it names."""
    tracked = tracker_words(config.run) if key == "train resume" else ()
    return " ".join([f"snnfw {key}={shlex.quote(str(folder))}", *confirming_words(config.run), *tracked])
