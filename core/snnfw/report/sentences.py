"""Say what a report's energies mean: against the network itself, and against its quantised twin."""

from __future__ import annotations

from snnfw.energy.charges import Energy
from snnfw.report.report import Report
from snnfw.report.units import format_joules, format_percent, format_si


def describe_rise(report: Report) -> str:
    """Return in a sentence that the spiking network takes more energy than the network itself; nothing where not."""
    final = report.checkpoints[-1]
    if not final.energy_ratio > 1:
        return ""
    steps = f"{final.timestep} timestep{'s' * (final.timestep != 1)}"
    return (
        f"The spiking network takes more energy than the network itself: {format_percent(final.energy_ratio)} of it "
        f"after {steps}, by the energy model {report.energy_model}."
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
        f"{report.event_rate:.3f} events per input and timestep of the layers that read events; the quantised network "
        f"costs the same at {report.break_even_rate:.3f}. {below} of {len(reading)} such layers are below their own "
        "break-even rate."
    )


def describe_payload(report: Report) -> str:
    """Return in a sentence how many bits the events carry, where that is more than one each."""
    energy = report.checkpoints[-1].energy
    if energy.bits == energy.spikes:
        return ""
    return f"{format_si(energy.spikes)} events carry {format_si(energy.bits)}bit; each is charged as accumulations."
