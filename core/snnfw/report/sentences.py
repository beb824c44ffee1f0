"""Say what a report's energies mean: against the network itself, and against its quantised twin."""

from __future__ import annotations

from snnfw.energy.charges import Energy
from snnfw.planning.kinds import Kind
from snnfw.report.report import Report
from snnfw.report.units import format_count, format_joules, format_percent, format_rate, plural
from snnfw.values import DELTA


def describe_rise(report: Report) -> str:
    """Return in a sentence that the spiking network takes more energy than the network itself; nothing where not."""
    final = report.checkpoints[-1]
    if not final.energy_ratio > 1:
        return ""
    return (
        f"The spiking network takes more energy than the network itself: {format_percent(final.energy_ratio)} of it "
        f"after {plural(final.timestep, 'timestep')}, by the energy model {report.energy_model}."
    )


def quantised_cell(energy: Energy) -> str:
    """Return the energy of the quantised network of equal information with its bits; nothing where nothing spikes."""
    if energy.quantised is None:
        return ""
    return f"{format_joules(energy.quantised)}, b={energy.quantised_bits}"


def describe_quantised(report: Report) -> str:
    """Return in a sentence what the quantised network of equal information takes; nothing where nothing spikes."""
    energy = report.checkpoints[-1].energy
    if not energy.quantised:
        return ""
    return (
        f"By the energy model {report.energy_model}, the network quantised to b = {energy.quantised_bits} bits, which "
        f"tell as much, takes {format_joules(energy.quantised)}; the spiking network takes "
        f"{format_percent(energy.total / energy.quantised)} of that."
    )


def describe_break_even(report: Report) -> str:
    """Return in sentences how many events reach the layers, and how many would be as dear as the quantised network."""
    if not report.event_rate:
        return ""
    reading = [each for each in report.operators if each.event_rate is not None and each.break_even_rate is not None]
    below = sum((each.event_rate or 0.0) < (each.break_even_rate or 0.0) for each in reading)
    return (
        f"{format_rate(report.event_rate)} events per input and timestep of the layers that read events; the quantised "
        f"network costs the same at {format_rate(report.break_even_rate)}. {below} of {len(reading)} such layers are "
        "below their own break-even rate."
    )


def describe_payload(report: Report) -> str:
    """Return in a sentence how many bits the events carry, where that is more than one each."""
    energy = report.checkpoints[-1].energy
    if energy.bits == energy.spikes:
        return ""
    events, bits = format_count(energy.spikes), format_count(energy.bits)
    return f"{events} events carry {bits} bits; each is charged as accumulations."


def describe_costs(report: Report) -> list[str]:
    """Return the sentences on what the totals are to be held against, without those that have nothing to say."""
    said = (describe_quantised, describe_break_even, describe_payload)
    return [sentence for describe in said if (sentence := describe(report))]


def describe_exactness(report: Report) -> str:
    """Return in sentences how exact the spiking network's answer is: E0 equal, E1 a function, E2 bounded, E3 a rate."""
    if report.coding != DELTA:
        return "Rate coded: a value is the mean of what was sent, near it as the timesteps grow (E3)."
    count = sum(operator.kind == Kind.ANALOG for operator in report.operators)
    analog = f" {count} analog operator{'s are' if count > 1 else ' is'} exact functions of what was sent (E1)."
    return f"Delta coded: {_describe_settling(report)}{analog if count else ''}"


def _describe_settling(report: Report) -> str:
    found = report.certificate
    if found is None:
        return "the input changes from frame to frame; what a neuron has sent is bounded by its threshold (E2)."
    last = max(found.unsent)
    samples = plural(found.samples, "sample")
    if found.settled is None:
        return (
            f"{format_percent(found.unsent[last])} of the neurons lack a part of their value after timestep {last}, on "
            f"{samples}; the output is within {found.largest:.2g} of the quantised network's (E2: an error bounded at "
            "each site)."
        )
    settled = f"settled after timestep {found.settled} on {samples}; the output is its quantised network's"
    if found.exact:
        return f"{settled}, bit for bit in {found.precision} (E0)."
    return (
        f"{settled}, but for rounding at ties: {found.differing} of {found.elements} numbers differ, by "
        f"{found.largest:.2g} at most in {found.precision} (E0 up to rounding)."
    )
