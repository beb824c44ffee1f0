"""Energy of a network at some model's prices: spiking, as it is, and quantised to as much information."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from snnfw.energy.information import information_bits
from snnfw.energy.inventory import Inventory, Operation
from snnfw.energy.model import EnergyModel, Parts
from snnfw.errors import wrong_kind_error
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Plan
from snnfw.values import DELTA

PJ_TO_MJ = 1e-9

WHOLE = 32
"""Bits of the network's own numbers."""


class Work(Protocol):
    """What one sample took up to a checkpoint, as means over samples: a point of a trace.

    ``steps`` are the timesteps computed, ``reads`` the readings of the output, ``spikes`` the events that each site
    emitted and ``accumulations`` the accumulate operations of each layer, by node.
    """

    @property
    def steps(self) -> float:
        """Return the number of timesteps computed."""
        ...

    @property
    def reads(self) -> float:
        """Return how often the output was read."""
        ...

    @property
    def spikes(self) -> Mapping[str, float]:
        """Return the events by site."""
        ...

    @property
    def accumulations(self) -> Mapping[str, float]:
        """Return the accumulate operations by node."""
        ...


@dataclass(frozen=True, slots=True)
class Counts:
    """Work as plain numbers, of which some may be made up."""

    steps: float
    reads: float
    spikes: Mapping[str, float]
    accumulations: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Energy:
    """The energy of one sample in millijoules, and the operations that it comes from.

    ``parts`` is what the total is spent on, in the energy model's words. ``once`` are the MACs of static operators and
    of the first readout; ``repeated`` those of analog operators and of layers that read currents, at every timestep,
    and of every further readout; ``accumulations`` are those driven by events. ``bits`` is what the spikes carry.
    ``quantised`` is the energy of the network quantised to ``quantised_bits`` bits, which carry as much information;
    both are None where nothing spikes.
    """

    total: float
    parts: Mapping[str, float]
    once: float
    repeated: float
    accumulations: float
    spikes: float
    bits: float
    spikes_alone: float | None
    quantised: float | None
    quantised_bits: int | None


def spiking_energy(inventory: Inventory, model: EnergyModel, work: Work, passes: int = 1) -> Energy:
    """Return the energy of one sample at a checkpoint.

    E = Σ multiply(operator) · times + Σ accumulate(operator, events · fan-out) + Σ fire(site, events), after Rathi &
    Roy (2021): what multiplies does so once where it is static, in the readout at every reading, and else at every
    timestep. ``passes`` is how often the network itself, and the quantised one, runs for a sample.
    """
    parts: Counter[str] = Counter()
    for charged in charge(inventory, model, work).values():
        parts.update(charged)
    multiplied = [(operation, _times(operation, model, work)) for operation in _multiplying(inventory)]
    once = sum(each.macs for each, _ in multiplied if not _each_timestep(each, model))
    payloads = {population.site: population.payload for population in inventory.populations}
    spikes, price = sum(work.spikes.values()), getattr(model, "joules_per_spike", None)
    bits = information_bits(inventory.plan, work.steps)
    return Energy(
        total=sum(parts.values()) * PJ_TO_MJ,
        parts={part: value * PJ_TO_MJ for part, value in parts.items()},
        once=once,
        repeated=sum(operation.macs * times for operation, times in multiplied) - once,
        accumulations=sum(work.accumulations.values()),
        spikes=spikes,
        bits=sum(count * payloads.get(site, 1) for site, count in work.spikes.items()),
        spikes_alone=None if price is None else price * spikes * 1e3,
        quantised=None if bits is None else network_energy(inventory, model, passes, bits),
        quantised_bits=bits,
    )


def layer_energy(inventory: Inventory, model: EnergyModel, work: Work) -> dict[str, float]:
    """Return the energy of every operator and site that is charged, by node, in millijoules: together, the total."""
    return {node: sum(parts.values()) * PJ_TO_MJ for node, parts in charge(inventory, model, work).items()}


def network_energy(inventory: Inventory, model: EnergyModel, passes: int, bits: int = WHOLE) -> float:
    """Return the energy of the network itself for one sample in millijoules: every MAC, once in each of its passes.

    Of frames the network is asked for one after the other, so it passes as often as there are frames. With fewer
    ``bits`` it is the network quantised to them.
    """
    multiplied = (model.multiply(operation, bits) for operation in inventory.operations if operation.macs)
    charged = (_require_parts(model, parts) for parts in multiplied)
    return sum(sum(parts.values()) for parts in charged) * passes * PJ_TO_MJ


def event_energy(inventory: Inventory, model: EnergyModel, work: Work) -> float:
    """Return what the events of some work cost by themselves, beyond what timesteps without an event cost."""
    silent = charge(inventory, model, Counts(work.steps, work.reads, {}, {}))
    loud = charge(inventory, model, work)
    # Part by part: what does not depend on events would else swallow the last digits of what does.
    added = (value - silent[node].get(part, 0.0) for node, parts in loud.items() for part, value in parts.items())
    return sum(added) * PJ_TO_MJ


def charge(inventory: Inventory, model: EnergyModel, work: Work) -> dict[str, Parts]:
    """Return what every operator and every site of neurons takes for one sample, by node and part, in picojoules."""
    return {node: _require_parts(model, parts) for node, parts in _charges(inventory, model, work)}


def _charges(inventory: Inventory, model: EnergyModel, work: Work) -> Iterator[tuple[str, Parts]]:
    for operation in inventory.operations:
        if operation.events:
            added = work.accumulations.get(operation.node, 0.0)
            yield operation.node, model.accumulate(operation, added, work.steps)
        else:
            times, whole = _times(operation, model, work), _require_parts(model, model.multiply(operation, WHOLE))
            yield operation.node, {part: each * times for part, each in whole.items()}
    for population in inventory.populations:
        yield population.node, model.fire(population, work.spikes.get(population.site, 0.0), work.steps)


def _require_parts(model: EnergyModel, given: object) -> Parts:
    """Return what an energy model answers, or raise an SnnfwError where that is something else."""
    if not isinstance(given, Mapping):
        raise wrong_kind_error(f"what '{model.name}' returns", given, "a mapping: picojoules by what they are for")
    return given


def _multiplying(inventory: Inventory) -> list[Operation]:
    return [operation for operation in inventory.operations if not operation.events]


def _times(operation: Operation, model: EnergyModel, work: Work) -> float:
    """Return how often an operator's MACs are multiplied for one sample."""
    if operation.kind is Kind.READOUT:
        return work.reads
    return work.steps if _each_timestep(operation, model) else 1


def _each_timestep(operation: Operation, model: EnergyModel) -> bool:
    """Tell whether an operator multiplies at every timestep; what is static, in delta coding, is needed once."""
    held = operation.coding == DELTA or getattr(model, "static", "once") == "once"
    return operation.repeats or (operation.kind is Kind.STATIC and not held)


def uncharged_operators(plan: Plan) -> list[str]:
    """Return the operators that stay analog and hold no MACs, so that nothing is charged for them."""
    return [fate.node for fate in plan.analog if not fate.macs]
