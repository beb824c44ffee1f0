"""Say what would become of every operator, of a task's network or of one on inputs of given shapes."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any, cast

import torch
from rich.console import Console
from torch import Tensor, nn

from snnfw.archive.captures import capture_once
from snnfw.config.schema import RunConfig
from snnfw.config.sketch import Shape, SketchConfig
from snnfw.errors import SnnfwError, describe_type
from snnfw.planning.placement import Plan, place
from snnfw.planning.strict import require_all_spiking
from snnfw.report.plans import plan_record, show_plan
from snnfw.report.summary import describe_method
from snnfw.stages import acquire_resources, load_subject, place_neurons
from snnfw.values import Inputs, Resources

SAMPLES = 2
CLASSES = 1000
"""What a network that serves any task is told in place of what the data would say."""


def plan(config: RunConfig | SketchConfig, console: Console, form: str = "folded") -> None:
    """Say what would become of every operator, and compute nothing; as ``folded``, ``full`` or ``json``.

    Only a plan as JSON is printed without the lines that stages tell, which go where errors go.
    """
    resources = acquire_resources(config, Console(stderr=True, highlight=False) if form == "json" else console)
    if isinstance(config, SketchConfig):
        placed = sketch(config, resources)
    else:
        placed = place_neurons(config, load_subject(config, resources))
    if form == "json":
        console.out(json.dumps(plan_record(placed), indent=2), highlight=False)
    else:
        show_plan(placed, console, full=form == "full")
    if config.strict:
        require_all_spiking(placed)


def sketch(config: SketchConfig, resources: Resources) -> Plan:
    """Return the plan of a network without data, and tell what it was captured with."""
    network = _build(config, resources)
    example = tuple(_draw(shape, resources) for shape in config.shapes)
    _require_fit(config, network, example)
    resources.tell(_describe(config, network, resources))
    return place(capture_once(network, example), config.layers)


def _build(config: SketchConfig, resources: Resources) -> nn.Module:
    """Return the network, built as if its task's data asked for what it usually does."""
    name = config.task.name.replace("-", "_") if config.task else ""
    wanted = getattr(config.task, "without_data", CLASSES)
    model: Any = config.model
    made = getattr(model, f"build_{name}", model.build)(wanted, resources)
    network = made if isinstance(made, nn.Module) else getattr(made, "network", None)
    if not isinstance(network, nn.Module):
        raise SnnfwError(f"model '{model.name}' gives {describe_type(made)}, which is no torch.nn.Module.")
    if merge := getattr(made, "merge", None):
        merge()
    return network.eval().to(resources.device)


def _draw(shape: Shape, resources: Resources) -> Tensor:
    generator = torch.Generator().manual_seed(resources.seed)
    sizes = (SAMPLES, *shape.sizes)
    noise = torch.randint(2, sizes, generator=generator) if shape.whole else torch.randn(sizes, generator=generator)
    return noise.to(resources.device)


def _require_fit(config: SketchConfig, network: nn.Module, example: Inputs) -> None:
    try:
        with torch.no_grad():
            copy.deepcopy(network)(*(each.clone() for each in example))  # what it keeps of a call is not captured
    except Exception as error:  # a stranger's network may raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise SnnfwError(
            f"model '{config.model.name}' fails on input={_written(config)}: {reason}. Give the shape of one sample, "
            "without the batch, as 3x224x224, with a comma between several inputs."
        ) from error


def _describe(config: SketchConfig, network: nn.Module, resources: Resources) -> str:
    """Return in a sentence which network was planned, with which weights, on what."""
    given = getattr(config.model, "weights", None)
    weights = f"weights {given}" if given else "the weights that come with it"
    if not given and _differ(network, _build(config, replace(resources, seed=resources.seed + 1))):
        weights = f"weights drawn at random (seed={resources.seed})"
    asked = f" for task '{config.task.name}'" if config.task else ""
    said = describe_method(cast("Any", config.model)).replace(", args={}", "")
    return f"{said}{asked} with {weights}, on an input of {_written(config)}; no data was read."


def _differ(one: nn.Module, other: nn.Module) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def _written(config: SketchConfig) -> str:
    return ",".join(map(str, config.shapes))
