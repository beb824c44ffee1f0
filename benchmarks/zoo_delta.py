"""Convert one architecture in delta coding: what is still multiplied, how far its output is, and if it settles."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.zoo_networks import build, images
from benchmarks.zoo_row import MEMORY, MORE, MOST, SAMPLES, Row, captured, error
from snnfw.capture.graph import Graph, evaluate
from snnfw.conversion.direct import Direct
from snnfw.planning.placement import Plan, place
from snnfw.simulate.settling import settled_output, unsent_share
from snnfw.spiking.model import SpikingModel
from snnfw.values import Output, Resources
from snnfw_plugins.sigmadelta import SigmaDelta, delta_rules

LEVELS, DIGITS = (6, 12), 2
"""Bits of the largest value, those of a second quantised network too, and most events in one timestep."""

TIMESTEPS, LAST = (1, 2, 4), 16
"""Where errors are measured, and the timestep after which no network is waited for any longer to settle."""


def with_delta(row: Row) -> Row:
    """Return a row with what delta coding makes of its architecture; whatever goes wrong is part of it."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    start = time.process_time()
    try:
        found = _measure(row)
    except Exception as problem:  # whatever any library raises: it is what the table is about
        lines = str(problem).splitlines() or [""]
        found = replace(row, delta_failure=f"{type(problem).__name__}: {lines[0]}"[:400])
    return replace(found, seconds=round(row.seconds + time.process_time() - start, 1))


def _measure(row: Row) -> Row:
    graph, inputs, precision = captured(build(row.name), images(SAMPLES, row.pixels, seed=3), row.precision)
    plan = place(graph, delta_rules(SigmaDelta(levels=LEVELS[0], digits=DIGITS, scale="channel")))
    repeated = Counter[str]()
    for fate in plan.multiplied:
        repeated[f"{fate.path or 'the top of the network'}: {fate.operator}"] += fate.macs
    errors = {name: held for name, held in row.errors.items() if name not in ("delta", "quantised")}
    row = replace(
        row,
        accumulated=plan.spiking_share,
        multiplied=dict(repeated),
        errors=errors,
        delta_failure="",
        precision=precision,
    )
    calibration = torch.cat([inputs, images(MORE, row.pixels, seed=4).to(inputs)])
    return _simulated(row, graph, plan, inputs, calibration)


@torch.no_grad()
def _simulated(row: Row, graph: Graph, plan: Plan, inputs: Tensor, calibration: Tensor) -> Row:
    expected = graph(inputs)
    places = graph.tree(evaluate(graph.module, graph.output, lambda read: graph.where[read.name]))

    def far(output: Output) -> float:
        return error(output, expected, places)

    model = _converted(graph, plan, calibration)
    quantised = settled_output(model, (inputs,))
    last = LAST if LAST * len(inputs) * row.macs <= MOST else TIMESTEPS[-1]
    reached, unsent, output = outputs_of(model, inputs, TIMESTEPS, last)
    del model
    finer = place(graph, delta_rules(SigmaDelta(levels=LEVELS[1], scale="channel")))
    finest = settled_output(_converted(graph, finer, calibration), (inputs,))
    by_levels = {str(LEVELS[0]): far(quantised), str(LEVELS[1]): far(finest)}
    return replace(
        row,
        errors={**row.errors, "delta": {str(t): far(held) for t, held in reached.items()}, "quantised": by_levels},
        settled=len(unsent) if not unsent[-1] else 0,
        unsent=unsent,
        apart=error(output, quantised, places),
    )


def _converted(graph: Graph, plan: Plan, calibration: Tensor) -> SpikingModel:
    return Direct().convert(graph, plan, [(calibration,)], LAST, Resources(memory=MEMORY))


def outputs_of(
    model: SpikingModel, inputs: Tensor, timesteps: Sequence[int], last: int
) -> tuple[dict[int, Output], list[float], Output]:
    """Return the outputs at some timesteps, the share of unsent values after each, and the output at the end.

    The run ends once nothing is left to be sent, from where its output stays the same, or after the last timestep.
    """
    reached, unsent = dict[int, Output](), list[float]()
    model.begin((inputs,))
    while not unsent or (unsent[-1] and len(unsent) < last):
        model.advance(1)
        unsent.append(unsent_share(model))
        if len(unsent) in timesteps:
            reached[len(unsent)] = model.read()
    output = model.read()
    return {t: reached.get(t, output) for t in timesteps}, unsent, output
