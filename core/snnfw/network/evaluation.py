"""Evaluation data as a user has it, how it is judged, and what it says of a network and of its spiking one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import torch
from rich.console import Console

from snnfw.config.schema import default_checkpoints
from snnfw.conversion.activations import to_device
from snnfw.energy.inventory import take_inventory
from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.network.batches import read_batches
from snnfw.network.judging import read_metric
from snnfw.network.network import SpikingNetwork
from snnfw.ranks.group import ALONE, Ranks
from snnfw.ranks.start import start_ranks
from snnfw.report.progress import show_progress
from snnfw.report.report import Network
from snnfw.report.summary import summarise_network
from snnfw.simulate.run import evaluate_network, network_output, simulate
from snnfw.simulate.trace import Trace
from snnfw.store.batches import KeptFirst
from snnfw.values import Batch, Data, ExitRule, Judgement, Resources


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Evaluation data, how it is judged, and what may be used."""

    data: Data
    judgement: Judgement
    resources: Resources
    ranks: Ranks = ALONE

    @classmethod
    def on(cls, snn: SpikingNetwork, batches: Any, metric: Any, ranks: Ranks = ALONE) -> Evaluation:
        """Return the test of a network, and of every other conversion of the same network."""
        if not isinstance(snn, SpikingNetwork):
            raise wrong_kind_error("what to evaluate", snn, "what snnfw.convert or snnfw.load returns")
        graph = snn.model.graph
        read = read_batches(batches, len(graph.inputs), "the evaluation data")
        kept = KeptFirst(read)
        first = next(iter(kept))
        if first.target is None and not isinstance(metric, Judgement):
            raise SnnfwError("the evaluation data has no labels: give batches of inputs and labels, such as (x, y).")
        frames = _frames(snn, first)
        track = show_progress(Console(stderr=True, quiet=ranks.rank > 0))
        resources = Resources(device=str(snn.device), memory=snn.memory, track=track)
        sample = tuple(tensor[:2] for tensor in to_device(tuple(first.inputs), _place(graph)))
        output = network_output(graph, sample, frames)
        return cls(Data((), kept, frames=frames), read_metric(metric, first, output), resources, ranks)

    def simulate(self, snn: SpikingNetwork, checkpoints: Sequence[int], rule: ExitRule | None) -> Trace:
        """Return the trace of a spiking network over all samples."""
        return simulate(
            snn.model, self.data.evaluation, checkpoints, self.judgement.scorer, self.resources, rule, self.ranks
        )

    def measure_network(self, snn: SpikingNetwork) -> Network:
        """Return the network's own scores and cost on the same data."""
        graph = snn.model.graph
        resources = replace(self.resources, device=_place(graph))
        scores, seconds = evaluate_network(graph, self.data, self.judgement.scorer, resources, self.ranks)
        inventory = take_inventory(graph, snn.plan)
        return summarise_network(inventory, snn.costs, scores, seconds, self.data.frames)


@contextmanager
def shared_by(devices: int, nodes: int, networks: Sequence[SpikingNetwork]) -> Iterator[Ranks]:
    """Yield this process among those that share an evaluation, the networks on a device of its own."""
    for name, given in {"devices": devices, "nodes": nodes}.items():
        if not isinstance(given, int) or given < 1:
            raise SnnfwError(f"{name}={given} is not allowed: give a whole number, at least 1.")
    kinds = {snn.device.type for snn in networks}
    if devices * nodes > 1 and len(kinds) > 1:
        raise SnnfwError(f"the networks are on {' and '.join(sorted(kinds))}: move all to one, or give devices=1.")
    with start_ranks(devices, nodes, min(kinds, default="cpu")) as ranks:
        for snn in networks:
            if ranks.count > 1 and snn.device.type == "cuda":
                snn.to(torch.device("cuda", torch.cuda.current_device()))  # each process has one of its own
        yield ranks


def choose_checkpoints(given: Sequence[int] | None, timesteps: int) -> tuple[int, ...]:
    """Return the timesteps to score at, in order: those given, or powers of two and the last one."""
    if given is None:
        return default_checkpoints(timesteps)
    found = tuple(sorted(set(given)))
    if not found or not all(isinstance(step, int) and 1 <= step <= timesteps for step in found):
        raise SnnfwError(f"checkpoints={list(given)} is not allowed: give timesteps from 1 to {timesteps}.")
    return found


def _frames(snn: SpikingNetwork, first: Batch) -> int | None:
    return int(first.inputs[0].shape[1]) if snn.plan.temporal else None


def _place(graph: Any) -> str:
    """Return where the network itself computes."""
    return next((str(tensor.device) for tensor in graph.module.state_dict().values()), "cpu")


def now() -> str:
    """Return the time, for provenance."""
    return datetime.now(UTC).isoformat(timespec="seconds")
