"""The line of a training: from a configuration to the weights of a network that was trained as a spiking one."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import torch
from rich.console import Console

from snnfw.capture.export import capture
from snnfw.config.resolve import to_yaml
from snnfw.config.training import TrainConfig
from snnfw.contracts import Keep
from snnfw.convert.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.pipeline import acquire, load
from snnfw.plan.place import place
from snnfw.report.folder import as_json, run_folder, write_file, write_folder
from snnfw.training.checkpoint import WEIGHTS, save_weights
from snnfw.training.fit import fit
from snnfw.training.fresh import initialise
from snnfw.training.network import TrainingNetwork
from snnfw.training.tdbn import scale_norms

REPORT = "training.json"


def train(config: TrainConfig, console: Console | None = None) -> Path:
    """Train, and return the folder that holds logs, checkpoint and, once it is finished, the weights."""
    console = console or Console(quiet=True)
    resources = acquire(config.run, console)
    folder = begun(config)

    bundle = load(config.run, resources)
    if config.trainer.start == "fresh":
        initialise(bundle.model, config.run.seed)
    graph = capture(bundle.model, bundle.example, trainable=True)
    plan = place(graph, config.run.layers, temporal=bundle.temporal)
    if bundle.temporal and all(isinstance(placement.neuron, Keep) for placement in plan.placements):
        raise SnnfwError("without neurons nothing carries over from frame to frame: give the data as one static input.")
    scaled = scale_norms(graph, plan) if config.trainer.norm == "tdbn" and config.trainer.start == "fresh" else {}
    model = Direct().convert(graph, plan, bundle.calibration, config.run.timesteps, resources)
    scores = fit(TrainingNetwork(model), bundle, config.trainer, folder, resources, quiet=not console.is_terminal)

    facts = {"plugin": config.run.plugin or "", "model": config.run.model.name, "torch": torch.__version__}
    save_weights(bundle.model, folder / WEIGHTS, facts)
    write_file(folder / REPORT, as_json({"scores": scores, "norms": scaled, **facts}))
    console.print(f"{', '.join(f'{name} {value:.4f}' for name, value in scores.items())}")
    console.print(f"weights in {folder}: snnfw run checkpoint={folder} runs them")
    return folder


def begun(config: TrainConfig) -> Path:
    """Return the training's folder: the one to go on in, or a new one with nothing but the configuration."""
    if config.resume is not None:
        finished = config.resume / REPORT
        if finished.exists():
            said = json.loads(finished.read_text(encoding="utf-8"))["scores"]
            raise SnnfwError(f"resume={config.resume} is finished ({said}): nothing is left to train.")
        return config.resume
    name = f"train-{config.run.task.name}"
    target = run_folder(config.run.out, name, config.run.plugin or "recipe", datetime.now())
    return write_folder(target, {"config.yaml": to_yaml(config)})
