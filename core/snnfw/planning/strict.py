"""Refuse a plan in which anything between input and readout computes with other than spikes."""

from __future__ import annotations

from snnfw.errors import SnnfwError
from snnfw.planning.placement import Plan

MOST_NAMED = 5


def require_all_spiking(plan: Plan) -> None:
    """Refuse a plan in which something stays analog, or multiplies at every timestep."""
    faults = [fate for fate in plan.fates.values() if fate in plan.analog or fate.repeats]
    if not faults:
        return
    named = ", ".join(f"{fate.operator} at '{fate.path or 'top'}'" for fate in faults[:MOST_NAMED])
    more = f" and {len(faults) - MOST_NAMED} more" if len(faults) > MOST_NAMED else ""
    analog, repeat = len(plan.analog), sum(fate not in plan.analog for fate in faults)
    counts = [f"{analog} operator{' stays' if analog == 1 else 's stay'} analog"] * bool(analog)
    counts += [f"{repeat} {'layer multiplies' if repeat == 1 else 'layers multiply'} at every timestep"] * bool(repeat)
    raise SnnfwError(
        f"strict=true and {' and '.join(counts)}: {named}{more}. Give kept sites a neuron, and let a layer read a "
        "neuron's spikes instead of another layer's output, or leave strict out to run and charge them as they are."
    )
