"""Write numbers as people read them: energies with unit prefixes, counts without small ones, shares in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))
"""Prefixes of physical units; a count has those from k on alone, because there is no thousandth of a spike."""

WORDS = {
    1 / 10: "a tenth",
    1 / 8: "an eighth",
    1 / 6: "a sixth",
    1 / 5: "a fifth",
    1 / 4: "a quarter",
    1 / 3: "a third",
    2 / 5: "two fifths",
    1 / 2: "half",
    2 / 3: "two thirds",
    3 / 4: "three quarters",
}
NEAR = 0.06
"""What a share may be off the one that is named, relative to it."""


def format_si(number: float) -> str:
    """Return a physical quantity with three digits and a unit prefix: 1.81 G, 412 n."""
    if not math.isfinite(number):
        return f"{_dash(number)} "
    factor, prefix = _unit(number)
    return f"{number / factor:.3g} {prefix}"


def format_points(share: float) -> str:
    """Return a difference of two shares in points, with two digits or all that stand before the point."""
    points = 100 * abs(share)
    return f"{points:.2g}" if points < 9.95 else f"{points:.0f}"


def format_count(number: float) -> str:
    """Return how many there are with three digits, in thousands, millions and so on: 1.81 G, 412, 0.0023."""
    if not math.isfinite(number):
        return _dash(number)
    factor, prefix = _unit(number)
    return f"{number / factor:.3g} {prefix}".strip() if factor >= 1 else f"{number:.2g}"


def format_rate(rate: float) -> str:
    """Return events per neuron and timestep with three decimals, or as many as show that there are some."""
    return f"{rate:.3f}" if rate >= 1e-3 or not rate else f"{rate:.1g}"


def format_joules(millijoules: float) -> str:
    """Return an energy that was counted in millijoules: 4.59 µJ."""
    return f"{format_si(millijoules * 1e-3)}J"


def format_score(scores: Mapping[str, float], name: str) -> str:
    """Return a metric with four digits; a dash and the reason where it has no number."""
    return f"{scores[name]:.4f}" if math.isfinite(scores.get(name, math.nan)) else _dash(scores.get(name))


def format_percent(share: float) -> str:
    """Return a share in percent: 43.3%."""
    return f"{share:.1%}" if math.isfinite(share) else _dash(share)


def describe_share(share: float) -> str:
    """Return in words how much one thing is of another: ``about a third of``, ``1.7 times``, ``as much as``."""
    if share > 1 + NEAR:
        return f"{share:.3g} times"
    if share >= 1 - NEAR:
        return "about as much as"
    nearest = min(WORDS, key=lambda named: abs(share / named - 1))
    if abs(share / nearest - 1) <= NEAR:
        return f"about {WORDS[nearest]} of"
    return f"{share:.0%} of" if share >= 0.01 else f"{100 * share:.1g}% of"


def scale_to_unit(numbers: Iterable[float]) -> tuple[list[float], str]:
    """Return all numbers in the unit that fits the largest, and that unit's prefix, for the axis of a chart."""
    listed = list(numbers)
    factor, prefix = _unit(max(listed, default=0.0))
    return [number / factor for number in listed], prefix


def plural(count: int, noun: str) -> str:
    """Return how many there are of something: 1 timestep, 8 timesteps."""
    return f"{count} {noun}{'s' * (count != 1)}"


def _dash(value: float | None) -> str:
    """Return the placeholder of a missing number: its name, or that nobody gave one."""
    return "- (missing)" if value is None else f"- ({'NaN' if math.isnan(value) else value})"


def _unit(number: float) -> tuple[float, str]:
    """Return the unit that fits a number of three digits; 999.9 is written as 1000 and belongs to the next one."""
    rounded = float(f"{number:.3g}")
    return next(((factor, prefix) for factor, prefix in UNITS if rounded >= factor), (1.0, ""))
