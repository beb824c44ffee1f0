"""Energy from operation counts: accumulations of events against multiplications."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from snnfw.plan.kinds import Kind
from snnfw.plan.place import Plan
from snnfw.simulate.energy_model import EnergyModel

PJ_TO_MJ = 1e-9


@dataclass(frozen=True, slots=True)
class Energy:
    """The energy of one sample in millijoules, and the operations that it comes from.

    ``once`` are the MACs of static operators and of the readout, ``repeated`` those of analog operators and of layers
    that read currents, at every timestep; ``accumulations`` are those driven by events.
    """

    total: float
    once: float
    repeated: float
    accumulations: float
    spikes: float
    spikes_alone: float | None


def network_energy(plan: Plan, model: EnergyModel) -> float:
    """Return the energy of the network itself for one sample in millijoules: every MAC, once."""
    return model.mac_pj * sum(fate.macs for fate in plan.fates.values()) * PJ_TO_MJ


def spiking_energy(
    plan: Plan, model: EnergyModel, timesteps: float, accumulations: Mapping[str, float], spikes: float
) -> Energy:
    """Return the energy of one sample that was computed for ``timesteps`` timesteps.

    E = e_MAC · (MACs once + T · MACs repeated) + e_AC · Σ events · fan-out, after Rathi & Roy (2021), with the 45 nm
    costs of Horowitz (2014). ``accumulations`` are per layer, by node; ``spikes`` the events of all neurons.
    """
    once = sum(fate.macs for fate in plan.fates.values() if not fate.events and _runs_once(fate.kind))
    repeated = sum(fate.macs for fate in plan.fates.values() if not fate.events and not _runs_once(fate.kind))
    if model.static == "per_step":
        static = sum(fate.macs for fate in plan.fates.values() if fate.kind is Kind.STATIC)
        once, repeated = once - static, repeated + static
    added = sum(accumulations.values())
    total = model.mac_pj * (once + timesteps * repeated) + model.ac_pj * added
    alone = None if model.joules_per_spike is None else model.joules_per_spike * spikes * 1e3
    return Energy(total * PJ_TO_MJ, once, timesteps * repeated, added, spikes, alone)


def layer_energy(
    plan: Plan, model: EnergyModel, timesteps: float, accumulations: Mapping[str, float]
) -> dict[str, float]:
    """Return the energy of every operator that is charged, by node, in millijoules; it adds up to the total."""
    charged = {}
    for name, fate in plan.fates.items():
        if not fate.macs:
            continue
        if fate.events:
            charged[name] = model.ac_pj * accumulations.get(name, 0.0) * PJ_TO_MJ
        else:
            again = not _runs_once(fate.kind) or (fate.kind is Kind.STATIC and model.static == "per_step")
            charged[name] = model.mac_pj * fate.macs * (timesteps if again else 1) * PJ_TO_MJ
    return charged


def uncharged(plan: Plan) -> list[str]:
    """Return the operators that stay analog and hold no MACs, so that nothing is charged for them."""
    return [fate.node for fate in plan.analog if not fate.macs]


def break_even_rate(model: EnergyModel, timesteps: int, burst: int = 1) -> float:
    """Return the events per input element and timestep at which spikes cost what a quantised network costs.

    A network with activations of b = ceil(log2(T·φ + 1)) bits carries as much as T timesteps of at most φ spikes. It is
    taken to pay e_MAC · b / 32 for each connection, once; the spiking network pays e_AC for each event.
    """
    bits = math.ceil(math.log2(timesteps * burst + 1))
    return model.mac_pj * bits / 32 / model.ac_pj / timesteps


def _runs_once(kind: Kind) -> bool:
    return kind in (Kind.STATIC, Kind.READOUT, Kind.CONSTANT, Kind.INPUT)
