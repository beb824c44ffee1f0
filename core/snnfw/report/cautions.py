"""Say what keeps the numbers of a run from meaning what they seem to: each condition with the sentence for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from snnfw.report.answers import CERTAIN, first_within, headline_of, is_chance, is_share, say_score
from snnfw.report.records import describe_fitting
from snnfw.report.report import Report
from snnfw.report.sentences import describe_rise
from snnfw.report.units import format_points, plural
from snnfw.values import DELTA

MUCH = 0.05
"""What luck may do to a score before it is worth a sentence."""


def describe_cautions(report: Report) -> tuple[str, ...]:
    """Return the warnings of a report, the gravest first."""
    return tuple(sentence for caution in CAUTIONS if (sentence := caution(report)))


def network_by_chance(report: Report) -> str:
    """Warn that the network itself only guesses: nothing can be learnt of its conversion."""
    own = headline_of(report, report.network)
    if not guesses(report, own):
        return ""
    return (
        f"The network itself scores {say_score(own)}, no better than guessing ({say_score(report.chance or 0.0)}): it "
        "is not trained for this data, or gets inputs that are prepared in another way than those it was trained on."
    )


def spiking_by_chance(report: Report) -> str:
    """Warn that the spiking network guesses where the network itself does not."""
    own, ours = headline_of(report, report.network), headline_of(report, report.checkpoints[-1])
    if guesses(report, own) or not guesses(report, ours):
        return ""
    said = f"The score is that of guessing ({say_score(report.chance or 0.0)})"
    if told_before(report):
        return f"{said}."
    return f"{said}: give it more timesteps or another method; 'snnfw diagnose' says which layer loses the signal."


def told_before(report: Report) -> str:
    """Return what was told before anything was computed: that a method is for networks trained with it, say."""
    told = report.about.get("warnings")
    return " ".join(str(each) for each in told) if isinstance(told, list | tuple) else ""


def no_number(report: Report) -> str:
    """Warn that the headline metric has no value."""
    ours = headline_of(report, report.checkpoints[-1])
    if math.isfinite(ours):
        return ""
    return f"{report.headline} of the spiking network is no number ({ours}): nothing can be said of how good it is."


def other_timesteps(report: Report) -> str:
    """Warn that a network that was trained for some timesteps is run for others."""
    trained = report.about.get("trained")
    if not isinstance(trained, Mapping) or trained.get("plugin") in (None, "ann"):
        return ""
    steps, run = str(trained.get("timesteps") or ""), report.checkpoints[-1].timestep
    if not steps.isdigit() or int(steps) == run:
        return ""
    return (
        f"The network was trained for {plural(int(steps), 'timestep')} and is read after {run}: its readout is made "
        f"for {steps}. Run it with timesteps={steps}."
    )


def read_too_soon(report: Report) -> str:
    """Say that what was read before the last timestep comes of a network that was made for all of them."""
    final, first = report.checkpoints[-1], first_within(report)
    early = [point for point in report.checkpoints[:-1] if first is None or point.timestep < first]
    made = report.coding != DELTA and report.network.passes == 1  # a delta code and frames mean the same at any time
    if not made or not early or first != final.timestep:
        return ""
    return (
        f"Scores before timestep {final.timestep} are read off a network that is made for {final.timestep}. One that "
        f"is made for fewer may do better: timesteps={early[-1].timestep}."
    )


def fitted_on_calibration(report: Report) -> str:
    """Warn that search and exit saw the samples that the conversion was calibrated on."""
    fitting = report.about.get("fitting")
    own = not isinstance(fitting, Mapping) or fitting.get("own")
    return "" if own else describe_fitting(report.about)


def few_samples(report: Report) -> str:
    """Say how far a score may be off for the number of its samples, where that is much."""
    ours = headline_of(report, report.checkpoints[-1])
    if report.chance is None or not is_share(ours) or guesses(report, ours):
        return ""
    off = CERTAIN * math.sqrt(ours * (1 - ours) / report.samples)
    few = f"On {plural(report.samples, 'sample')} a score may be {format_points(off)} points off by luck alone."
    return few if off > MUCH else ""


CAUTIONS: tuple[Callable[[Report], str], ...] = (
    no_number,
    network_by_chance,
    spiking_by_chance,
    told_before,
    describe_rise,
    other_timesteps,
    read_too_soon,
    fitted_on_calibration,
    few_samples,
)
"""Every condition, gravest first; one that does not hold returns nothing."""


def guesses(report: Report, score: float) -> bool:
    """Tell whether a score is no better than guessing would be on so many samples."""
    return is_chance(score, report.chance, report.samples)
