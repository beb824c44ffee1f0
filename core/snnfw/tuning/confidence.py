"""How sure it is that no more than an allowed drop is lost, from paired differences on held-out samples."""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

import numpy as np
from scipy.special import stdtr

from snnfw.tuning.values import Evidence

Array: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.float64]]"

DRAWS = 40_000
"""Draws from the posterior, always the same ones: a probability is then known to within a quarter of a percent."""

JEFFREYS = 0.5
"""What a sample lost, equal or won counts before any is seen."""


def how_sure(evidence: Evidence, drop: float) -> float:
    """Return the probability, from 0 to 1, that the true drop is at most ``drop`` points.

    Where samples are lost and won whole, it is that of a Dirichlet posterior over samples that are lost, equal and won,
    with Jeffreys' prior (1/2 each): where none has changed among n, something may still be lost, about 1 / n of it.
    Where each sample loses a share, it is that of a Beta posterior over samples that lose something, with Jeffreys'
    prior, times the mean of what they lose, to which half a sample that loses half adds. Of groups it is Student's, of
    the mean of what was lost by each.
    """
    lost, allowed = np.asarray(evidence.lost, dtype=np.float64), drop * evidence.point
    if evidence.by_sample and lost.any() and set(lost.tolist()) <= {-1.0, 0.0, 1.0}:
        return _of_counts(Counter(lost.tolist()), allowed)
    if evidence.by_sample and (lost >= 0).all():
        return _of_shares(lost[lost > 0], len(lost), allowed)
    return _of_mean(lost, allowed, evidence.samples)


def most_sure(own: float, samples: int, groups: int, drop: float) -> float:
    """Return how sure one can be at most of a metric that the network has ``own`` of: where nothing is lost or won."""
    lost = (0.0,) * (groups or samples)
    return how_sure(Evidence(samples, own, own, 0.0, 0.0, 0.0, lost, not groups), drop)


def _of_counts(counts: Counter[float], allowed: float) -> float:
    parameters = [counts[value] + JEFFREYS for value in (1.0, 0.0, -1.0)]
    shares = np.random.default_rng(0).dirichlet(parameters, DRAWS)
    return float((shares[:, 0] - shares[:, 2] <= allowed).mean())


def _of_shares(shares: Array, samples: int, allowed: float) -> float:
    changed = np.random.default_rng(0).beta(len(shares) + JEFFREYS, samples - len(shares) + JEFFREYS, DRAWS)
    loss = (float(shares.sum()) + JEFFREYS * JEFFREYS) / (len(shares) + JEFFREYS)
    return float((changed * loss <= allowed).mean())


def _of_mean(lost: Array, allowed: float, samples: int) -> float:
    if len(lost) < 2:
        return 0.5
    # Equal values say that nothing was seen to change, not that nothing can: half a sample is what may still be lost.
    error = max(float(lost.std(ddof=1)) / len(lost) ** 0.5, 0.5 / samples)
    return float(stdtr(len(lost) - 1, (allowed - float(lost.mean())) / error))
