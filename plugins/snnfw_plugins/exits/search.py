"""Search the thresholds of an exit: the most right samples within a mean number of timesteps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from torch import Tensor

from snnfw import SnnfwError
from snnfw_plugins.exits.study import Study
from snnfw_plugins.exits.thresholds import Rise, Sign, rising_thresholds

BASES = (*(number / 20 for number in range(20)), 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, 1.0)
BETAS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
DELTAS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""What is tried; base + beta is 1 at most, since nobody is surer than that."""


def search_thresholds(
    seen: Study, entropy: Tensor, latency: float, minimum: int, sign: Sign, constant: bool
) -> tuple[Rise, dict[str, Any]]:
    """Return the parameters of α(t) with the most right samples within a mean exit of ``latency``, and a record of it.

    max E[right] subject to E[exit] <= Γ over base, beta and delta, or over a ``constant`` threshold: Adaptive
    Calibration, Eq. 17, by trying a grid on calibration samples. Of equals the soonest, then the first.
    """
    if seen.right is None:
        raise SnnfwError("this task cannot tell which samples are right, as exit.latency asks: leave it out.")
    found: dict[Rise, tuple[float, float]] = {}
    tried = 0
    for rise in rises(constant):
        thresholds, _ = rising_thresholds(entropy, rise, sign)
        outcome = seen.outcome(thresholds, minimum)
        tried += 1
        if outcome["mean_steps"] is not None and outcome["mean_steps"] <= latency:
            found[rise] = (outcome["score"] or 0.0, -outcome["mean_steps"])
    if not found:
        raise SnnfwError(
            f"exit.latency={latency:g} cannot be met: none of {tried} thresholds lets samples leave so soon on "
            f"average. Give a larger one, or less than exit.minimum={minimum}."
        )
    best = max(found, key=lambda rise: found[rise])
    return best, {"searched": {**asdict(best), "latency": latency, "tried": tried, "within": len(found)}}


def rises(constant: bool) -> Iterator[Rise]:
    """Yield what is tried: constant thresholds alone, or all three parameters."""
    for base in BASES:
        yield Rise(base, 0.0, 1.0)
        if not constant:
            yield from (Rise(base, beta, delta) for beta in BETAS if base + beta <= 1 + 1e-9 for delta in DELTAS)
