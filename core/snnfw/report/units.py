"""Write numbers with unit prefixes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))


def format_si(number: float) -> str:
    """Return a number with three digits and a unit prefix: 1.81 G, 412 n."""
    factor, prefix = _unit(number)
    return f"{number / factor:.3g} {prefix}"


def format_joules(millijoules: float) -> str:
    """Return an energy that was counted in millijoules: 4.59 µJ."""
    return f"{format_si(millijoules * 1e-3)}J"


def format_score(scores: Mapping[str, float], name: str) -> str:
    """Return a metric with four digits; a dash and the reason where it has no number."""
    return f"{scores[name]:.4f}" if math.isfinite(scores.get(name, math.nan)) else _dash(scores.get(name))


def format_percent(share: float) -> str:
    """Return a share in percent: 43.3%."""
    return f"{share:.1%}" if math.isfinite(share) else _dash(share)


def _dash(value: float | None) -> str:
    """Return the placeholder of a missing number: its name, or that nobody gave one."""
    return "- (missing)" if value is None else f"- ({'NaN' if math.isnan(value) else value})"


def scale_to_unit(numbers: Iterable[float]) -> tuple[list[float], str]:
    """Return all numbers in the unit that fits the largest, and that unit's prefix, for the axis of a chart."""
    listed = list(numbers)
    factor, prefix = _unit(max(listed, default=0.0))
    return [number / factor for number in listed], prefix


def _unit(number: float) -> tuple[float, str]:
    return next(((factor, prefix) for factor, prefix in UNITS if number >= factor), (1.0, ""))
