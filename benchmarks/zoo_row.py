"""Capture, plan, convert and simulate one architecture, and say how far its spiking twin is from it."""

from __future__ import annotations

import resource
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from benchmarks.zoo_networks import build, images, side
from snnfw.capture.export import capture
from snnfw.capture.graph import BatchDim, Graph, evaluate
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Rule
from snnfw.simulate.memory import steps_within
from snnfw.values import Output, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.tracking import Tracking

TRACKING = (Rule("*", Tracking()),)
GATES = (*TRACKING, *(Rule("*", Tracking(), activation=name, optional=True) for name in ("sigmoid", "hardsigmoid")))
ADAFIRE = (Rule("*", AdaFire(), activation="relu"), Rule("*", Tracking(), optional=True))

SAMPLES, MORE = 3, 5
"""Noise images that errors are measured on; thresholds come from these and some more, so that no burst is clipped."""

TIMESTEPS, LATER = (4, 16, 64), (256, 1024)
"""Where errors are measured, and where they are as well while they exceed ``LARGE``."""

LARGE = 0.5
MOST, MOST_LATER, MOST_RISING = 1200e9, 400e9, 4000e9
"""Multiply-accumulates of a simulation beyond which it ends at the timestep before, if that is 16 at least.

The last is for one more timestep of networks whose error has not fallen yet.
"""

MEMORY = 2**29


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one architecture.

    ``reached`` is the last stage that went well: nothing, built, captured, planned or converted; ``failure`` says why
    not further. Errors are by recipe and timestep, those of quantised networks by levels; ``analog`` counts the
    operators that stay analog.

    In delta coding ``accumulated`` is the share of MACs that become accumulations, None where that was not measured,
    ``multiplied`` the MACs that are multiplied at every timestep by operator, ``settled`` the timestep after which
    nothing was left to be sent, 0 for none, ``unsent`` the share of values that lacked a part after each timestep, and
    ``apart`` how far the output was from the quantised network's in the end.
    """

    name: str
    pixels: int
    reached: str = "nothing"
    failure: str = ""
    parameters: int = 0
    macs: int = 0
    sites: Mapping[str, int] = field(default_factory=dict)
    spiking: float = 0.0
    analog: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    spikingjelly: str = ""
    precision: str = "float32"
    seconds: float = 0.0
    peak_mib: int = 0
    accumulated: float | None = None
    multiplied: Mapping[str, int] = field(default_factory=dict)
    settled: int = 0
    unsent: Sequence[float] = ()
    apart: float = 0.0
    delta_failure: str = ""


def measure(name: str) -> Row:
    """Return the row of one architecture; whatever goes wrong is part of it."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    start, found = time.process_time(), dict[str, Any](name=name, pixels=side(name))
    try:
        _stages(name, found)
    except Exception as error:  # whatever any library raises: it is what the table is about
        lines = str(error).splitlines() or [""]
        found["failure"] = f"{type(error).__name__}: {lines[0]}"[:400]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Row(**found, seconds=round(time.process_time() - start, 1), peak_mib=peak)


def _stages(name: str, found: dict[str, Any]) -> None:
    network = build(name)
    found |= {"reached": "built", "parameters": sum(p.numel() for p in network.parameters())}
    if name.startswith("torchvision/") or "yolo" in name:
        found["spikingjelly"] = theirs(network, side(name))
    inputs = images(SAMPLES, side(name), seed=3)
    graph, inputs, found["precision"] = captured(network, inputs)
    found |= {
        "reached": "captured",
        "macs": sum(graph.macs.values()),
        "sites": dict(Counter(site.activation for site in graph.sites)),
    }
    plan = place(graph, TRACKING)
    found |= {
        "reached": "planned",
        "spiking": plan.spiking_share,
        "analog": dict(Counter(fate.operator for fate in plan.analog)),
    }
    cost = SAMPLES * found["macs"]
    timesteps = [t for t in TIMESTEPS if t <= 16 or t * cost <= MOST] + [t for t in LATER if t * cost <= MOST_LATER]
    calibration = torch.cat([inputs, images(MORE, side(name), seed=4).to(inputs)])
    tracked = errors_of(graph, plan, inputs, calibration, timesteps)
    later = [t for t in (*TIMESTEPS, *LATER) if t > timesteps[-1] and t * cost <= MOST_RISING]
    if later and list(tracked.values())[-1] >= tracked["4"]:
        tracked = errors_of(graph, plan, inputs, calibration, [*timesteps, later[0]])
    found["errors"] = {"tracking": tracked}
    if name.startswith("torchvision/") and {"sigmoid", "hardsigmoid"} & found["analog"].keys():
        found["errors"]["gates"] = errors_of(graph, place(graph, GATES), inputs, calibration, timesteps)
    if "relu" in found["sites"]:
        found["errors"]["adafire"] = {
            str(t): errors_of(graph, place(graph, ADAFIRE), inputs, calibration, [t])[str(t)]
            for t in timesteps
            if t in TIMESTEPS
        }
    found["reached"] = "converted"


def captured(network: nn.Module, inputs: Tensor, precision: str = "float32") -> tuple[Graph, Tensor, str]:
    """Return the graph of a network, its inputs, and their precision: the one asked for, or float64."""
    if precision == "float32":
        try:
            return capture(network, (inputs[:2],)), inputs, precision
        except SnnfwError:  # where rounding alone changes the output, graph and network cannot agree
            pass
    return capture(network.double(), (inputs[:2].double(),)), inputs.double(), "float64"


def errors_of(
    graph: Graph, plan: Plan, inputs: Tensor, calibration: Tensor, timesteps: Sequence[int]
) -> dict[str, float]:
    """Return the error at each of some timesteps of one run, the later ones only after a large one."""
    resources = Resources(memory=MEMORY)
    model = Direct().convert(graph, plan, [(calibration,)], timesteps[-1], resources)
    expected, places = graph(inputs), evaluate(graph.module, graph.output, lambda read: graph.where[read.name])
    longest, errors = steps_within(model, len(inputs), MEMORY), dict[str, float]()
    with torch.no_grad():
        model.begin((inputs,))
        for timestep in timesteps:
            if timestep in LATER and min(errors.values()) <= LARGE:
                break
            while model.elapsed < timestep:
                model.advance(min(longest, timestep - model.elapsed))
            errors[str(timestep)] = error(model.read(), expected, graph.tree(places))
    return errors


def error(output: Output, expected: Output, places: Any) -> float:
    """Return ||output - expected|| / ||expected - its mean over samples||, the median of the leaves that hold samples.

    Only what depends on the input counts: random networks emit nearly the same for every image, and decoded boxes are
    mostly their anchors.

    Raises:
        ValueError: no leaf differs between samples, so there is nothing to be measured.

    """
    leaves = zip(pytree.tree_leaves(output), pytree.tree_leaves(expected), strict=True)
    held = pytree.tree_leaves(places, is_leaf=lambda place: place is None or isinstance(place, BatchDim))
    errors = [
        float((ours - theirs).norm() / (theirs - theirs.mean(place.dim, keepdim=True)).norm())
        for (ours, theirs), place in zip(leaves, held, strict=True)
        if isinstance(place, BatchDim) and theirs.is_floating_point() and _varies(theirs, place.dim)
    ]
    if not errors:
        raise ValueError("the network's output does not depend on its input")
    return median(errors)


def _varies(leaf: Tensor, dim: int) -> bool:
    spread = (leaf - leaf.mean(dim, keepdim=True)).norm()
    return bool(spread > 1e-6 * leaf.norm())


def theirs(network: nn.Module, pixels: int) -> str:
    """Say what SpikingJelly's converter makes of the network: ``yes``, or why not."""
    from spikingjelly.activation_based import ann2snn, functional, neuron

    inputs = images(SAMPLES, pixels, seed=3)
    try:
        with torch.no_grad():
            recipe = ann2snn.RateCodingRecipe([inputs], mode="Max")
            model: Any = ann2snn.Converter(recipe, device="cpu").convert(network)
            functional.set_step_mode(model, "m")
            if not any(isinstance(module, neuron.BaseNode) for module in model.modules()):
                return "it places no neuron"
            expected, errors = network(inputs), []
            for timesteps in TIMESTEPS[:2]:
                functional.reset_net(model)
                output = model(inputs.unsqueeze(0).expand(timesteps, *inputs.shape))
                mean = pytree.tree_map(
                    lambda leaf, t=timesteps: (
                        leaf.unflatten(0, (t, -1)).mean(0).flatten(0, 0)
                        if leaf.dim() == expected.dim()
                        else leaf.mean(0)
                    ),
                    output,
                )
                errors.append(float((mean - expected).norm() / (expected - expected.mean(0)).norm()))
    except Exception as problem:
        return f"{type(problem).__name__}: {(str(problem).splitlines() or [''])[0]}"[:200]
    return "yes" if errors[1] < errors[0] else f"its error grows from {errors[0]:.2f} to {errors[1]:.2f}"
