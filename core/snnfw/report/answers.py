"""Say first what came out of a run: how good, from when on, at which cost, and what costs most."""

from __future__ import annotations

import math
from collections.abc import Callable

from snnfw.energy.charges import Energy
from snnfw.report.calls import merge_layers, merge_operators
from snnfw.report.report import Checkpoint, Network, Report
from snnfw.report.units import describe_share, format_joules, format_percent, format_points, plural

POINT = 0.01
"""A point: a hundredth of a metric that goes from 0 to 1, or of the network's own score."""

CERTAIN = 2.0
"""Standard deviations within which a score may be luck."""


def describe_answers(report: Report) -> tuple[str, ...]:
    """Return what came out in plain sentences, the most important first."""
    return tuple(sentence for answer in ANSWERS if (sentence := answer(report)))


def answer_score(report: Report) -> str:
    """Say how good the spiking network is beside the network itself."""
    final, name = report.checkpoints[-1], report.headline
    ours, own = headline_of(report, final), headline_of(report, report.network)
    if not (math.isfinite(ours) and math.isfinite(own)):
        return ""
    return (
        f"The spiking network reaches {name} {say_score(ours)} {_when(final)}, on {plural(report.samples, 'sample')}; "
        f"the network itself {say_score(own)}{_lost(ours, own)}."
    )


def answer_timestep(report: Report) -> str:
    """Say from which of the timesteps that were scored on it stays within a point of the network."""
    own = headline_of(report, report.network)
    if not math.isfinite(own):
        return ""
    steps = [point.timestep for point in report.checkpoints]
    first, point = first_within(report), "a point" if is_share(own) else "1%"
    near = [point.timestep for point in report.checkpoints if is_within(headline_of(report, point), own)]
    if first is None and near:
        return f"It was within {point} of the network at timestep {near[-1]}, but is not at the last, {steps[-1]}."
    if first is None:
        reached = f"the {plural(steps[-1], 'timestep')} that were run" if steps[-1] > 1 else "the one timestep"
        return f"It does not come within {point} of the network in {reached}."
    if len(steps) == 1:
        return f"That is within {point} of the network; no other timestep was scored."
    scored = f"of those that were scored: {', '.join(map(str, steps))}"
    return f"It is within {point} of the network from timestep {first} on ({scored})."


def answer_cost(report: Report) -> str:
    """Say what a sample costs beside the network, in 8 bits and quantised to as much information."""
    final, network = report.checkpoints[-1], report.network
    if not network.energy or not math.isfinite(final.energy_ratio):
        return ""
    share = describe_share(final.energy_ratio)
    exact = "" if "%" in share else f" ({format_percent(final.energy_ratio)})"
    return (
        f"A sample takes {format_joules(final.energy.total)}, {share} the network's {format_joules(network.energy)}"
        f"{exact}.{_quantised(final.energy, network)}"
    )


def answer_dearest(report: Report) -> str:
    """Say what costs most."""
    shares = energy_shares(report)
    if not shares:
        return ""
    (name, share), *rest = shares.items()
    if not rest:
        return f"All of it is spent in {name}."
    few = list(shares.values())[:3]
    more = f"; the dearest 3 of {len(shares)} take {format_percent(sum(few))}" if len(shares) > 3 else ""
    return f"What costs most is {name}, with {format_percent(share)} of the energy{more}."


def answer_choice(report: Report) -> str:
    """Say what a search for the cheapest method has chosen, and whether it keeps what it promises."""
    said = (report.search or {}).get("verdict")
    return " ".join(map(str, said)) if isinstance(said, list | tuple) else ""


ANSWERS: tuple[Callable[[Report], str], ...] = (
    answer_choice,
    answer_score,
    answer_timestep,
    answer_cost,
    answer_dearest,
)
"""What is said first, in this order; one that has nothing to say returns nothing."""


def headline_of(report: Report, scored: Network | Checkpoint) -> float:
    """Return the headline metric, NaN where there is none."""
    return scored.scores.get(report.headline, math.nan)


def first_within(report: Report) -> int | None:
    """Return the first timestep of those that were scored from which on the score stays within a point, if any."""
    own, found = headline_of(report, report.network), None
    for point in reversed(report.checkpoints):
        if not is_within(headline_of(report, point), own):
            break
        found = point.timestep
    return found


def is_within(score: float, own: float) -> bool:
    """Tell whether a score is within a point of the network's own."""
    return score >= own - point_of(own) - 1e-9


def point_of(own: float) -> float:
    """Return one point of a metric that the network itself has so much of."""
    return POINT if is_share(own) else POINT * abs(own)


def is_chance(score: float, chance: float | None, samples: int) -> bool:
    """Tell whether a score is no better than guessing would be on so many samples; one without an error never is."""
    if chance is None or chance >= 1 or not math.isfinite(score) or score >= 1:
        return False
    return score <= chance + CERTAIN * math.sqrt(chance * (1 - chance) / max(1, samples))


def is_share(score: float) -> bool:
    """Tell whether a score may be read in points: it is from 0 to 1, as accuracies are."""
    return 0 <= score <= 1


def say_score(score: float) -> str:
    """Return a score in percent where it is a share, and as a number where not."""
    return f"{score:.1%}" if is_share(score) else f"{score:.4g}"


def energy_shares(report: Report) -> dict[str, float]:
    """Return which share of the energy each operator and each site's neurons take, the dearest first."""
    costs = [(f"{each.operator} '{each.path or each.node}'", each.energy) for each in merge_operators(report.operators)]
    costs += [(f"the neurons of '{each.site}'", each.energy) for each in merge_layers(report.layers)]
    total = sum(energy for _, energy in costs)
    named: dict[str, float] = {}
    for name, energy in costs:
        if energy > 0:
            named[name] = named.get(name, 0.0) + energy / total
    return dict(sorted(named.items(), key=lambda each: -each[1]))


def _when(final: Checkpoint) -> str:
    mean = f" ({final.steps:.2f} on average)" if final.steps != final.timestep else ""
    return f"after {plural(final.timestep, 'timestep')}{mean}"


def _lost(ours: float, own: float) -> str:
    """Return how far a score is from the network's own, which is more to see than two numbers that look the same."""
    if not (is_share(ours) and is_share(own)):
        return ""
    if abs(ours - own) < 5e-5:
        return ", the same"
    return f", {format_points(ours - own)} points {'more' if ours < own else 'less'}"


def _quantised(energy: Energy, network: Network) -> str:
    """Return what networks that multiply fewer bits would need, as shares of what the spiking network takes."""
    told = {} if energy.quantised_bits is None else {energy.quantised_bits: energy.quantised}
    needed = {8: network.eight_bit, **told}
    known = [(bits, other / energy.total) for bits, other in needed.items() if other and energy.total]
    said = [
        f"to {plural(bits, 'bit')}{', which tell as much as its events,' * (bits in told)} "
        f"{'' if number else 'the network would take '}{describe_share(share)} that"
        for number, (bits, share) in enumerate(known)
    ]
    return f" Quantised {'; '.join(said)}." if said else ""
