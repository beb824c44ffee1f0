"""Energy from operation counts: accumulations of events against multiplications."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from snnfw.energy.model import EnergyModel
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Fate, Plan

PJ_TO_MJ = 1e-9


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
class Energy:
    """The energy of one sample in millijoules, and the operations that it comes from.

    ``once`` are the MACs of static operators and of the first readout; ``repeated`` those of analog operators and of
    layers that read currents, at every timestep, and of every further readout; ``accumulations`` are those driven by
    events.
    """

    total: float
    once: float
    repeated: float
    accumulations: float
    spikes: float
    spikes_alone: float | None


def network_energy(plan: Plan, model: EnergyModel, passes: int) -> float:
    """Return the energy of the network itself for one sample in millijoules: every MAC, once in each of its passes.

    Of frames the network is asked for one after the other, so it passes as often as there are frames.
    """
    return model.mac_pj * plan.macs * passes * PJ_TO_MJ


def spiking_energy(plan: Plan, model: EnergyModel, work: Work) -> Energy:
    """Return the energy of one sample at a checkpoint.

    E = e_MAC · (MACs static + T · MACs repeated + R · MACs of the readout) + e_AC · Σ events · fan-out, after Rathi &
    Roy (2021), with the 45 nm costs of Horowitz (2014). T is the mean number of timesteps and R that of readings.
    """
    executed = sum(fate.macs * _times(fate, model, work) for fate in _multiplying(plan))
    once = sum(fate.macs for fate in _multiplying(plan) if not _each_timestep(fate, model))
    added, spikes = sum(work.accumulations.values()), sum(work.spikes.values())
    total = model.mac_pj * executed + model.ac_pj * added
    alone = None if model.joules_per_spike is None else model.joules_per_spike * spikes * 1e3
    return Energy(total * PJ_TO_MJ, once, executed - once, added, spikes, alone)


def layer_energy(plan: Plan, model: EnergyModel, work: Work) -> dict[str, float]:
    """Return the energy of every operator that is charged, by node, in millijoules; it adds up to the total."""
    added = {
        fate.node: model.ac_pj * work.accumulations.get(fate.node, 0.0) * PJ_TO_MJ
        for fate in plan.fates.values()
        if fate.macs and fate.events
    }
    multiplied = {
        fate.node: model.mac_pj * fate.macs * _times(fate, model, work) * PJ_TO_MJ for fate in _multiplying(plan)
    }
    return added | multiplied


def _multiplying(plan: Plan) -> list[Fate]:
    return [fate for fate in plan.fates.values() if fate.macs and not fate.events]


def _times(fate: Fate, model: EnergyModel, work: Work) -> float:
    """Return how often an operator's MACs are multiplied for one sample."""
    if fate.kind is Kind.READOUT:
        return work.reads
    return work.steps if _each_timestep(fate, model) else 1


def _each_timestep(fate: Fate, model: EnergyModel) -> bool:
    return fate.repeats or (fate.kind is Kind.STATIC and model.static == "per_step")


def uncharged_operators(plan: Plan) -> list[str]:
    """Return the operators that stay analog and hold no MACs, so that nothing is charged for them."""
    return [fate.node for fate in plan.analog if not fate.macs]


def break_even_rate(model: EnergyModel, timesteps: float, burst: int = 1) -> float:
    """Return the events per input element and timestep at which spikes cost what a quantised network costs.

    A network with activations of b = ceil(log2(T·φ + 1)) bits carries as much as T timesteps of at most φ spikes, T the
    mean where samples leave early. It is taken to pay e_MAC · b / 32 for each connection, once; the spiking network
    pays e_AC for each event.
    """
    bits = math.ceil(math.log2(timesteps * burst + 1))
    return model.mac_pj * bits / 32 / model.ac_pj / timesteps
