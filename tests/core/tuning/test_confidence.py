"""How sure a drop is small enough equals what integration and Student's distribution say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from snnfw.tuning.confidence import how_sure, most_sure
from snnfw.tuning.values import Evidence


def evidence(lost: list[float], own: float = 0.9, by_sample: bool = True, samples: int | None = None) -> Evidence:
    return Evidence(samples or len(lost), own, own, 1.0, 1.0, 1.0, tuple(lost), by_sample)


def integrated(lost: int, equal: int, won: int, allowed: float) -> float:
    """Return the posterior probability that lost - won <= allowed, on a grid over both shares."""
    cells = 1500
    share = (np.arange(cells) + 0.5) / cells
    # Midpoints in the angle, where the density of Jeffreys' prior has no poles.
    p, w = np.sin(share * np.pi / 2) ** 2, np.pi * np.sin(share * np.pi / 2) * np.cos(share * np.pi / 2)
    first, second = p[:, None], p[None, :] * (1 - p[:, None])  # lost, and won of what is left
    log = (
        (lost - 0.5) * np.log(p)[:, None]
        + (equal - 0.5) * np.log((1 - p)[:, None] * (1 - p)[None, :])
        + (won - 0.5) * np.log(second)
    )
    mass = np.exp(log - log.max()) * w[:, None] * w[None, :] * (1 - p)[:, None]
    return float(mass[first - second <= allowed].sum() / mass.sum())


@pytest.mark.parametrize(
    ("lost", "equal", "won", "drop"), [(1, 99, 0, 0.5), (2, 40, 1, 0.5), (3, 190, 2, 1.0), (0, 20, 5, 0.0)]
)
def test_the_probability_is_the_posteriors(lost: int, equal: int, won: int, drop: float) -> None:
    seen = evidence([1.0] * lost + [0.0] * equal + [-1.0] * won)
    assert how_sure(seen, drop) == pytest.approx(integrated(lost, equal, won, drop / 100), abs=0.012)


@pytest.mark.parametrize("shares", [[], [0.2], [0.3, 0.1, 0.05]])
def test_of_shares_it_is_the_posterior_of_who_loses_times_the_mean_loss(shares: list[float]) -> None:
    seen = evidence([*shares, *[0.0] * (150 - len(shares))])
    loss = (sum(shares) + 0.25) / (len(shares) + 0.5)
    wanted = stats.beta(len(shares) + 0.5, 150 - len(shares) + 0.5).cdf(0.005 / loss)
    assert how_sure(seen, 0.5) == pytest.approx(wanted, abs=0.01)


def test_of_groups_it_is_students() -> None:
    lost = [0.02, -0.01, 0.03, 0.0, 0.015]
    below = stats.ttest_1samp(lost, 0.005, alternative="less").pvalue
    assert how_sure(evidence(lost, by_sample=False, samples=500), 0.5) == pytest.approx(1 - below)


def test_more_lost_is_less_sure_and_more_allowed_is_surer() -> None:
    sure = [how_sure(evidence([1.0] * lost + [0.0] * (100 - lost)), 1.0) for lost in range(1, 5)]
    assert all(a > b for a, b in itertools.pairwise(sure))
    allowed = [how_sure(evidence([1.0] * 2 + [0.0] * 98), drop) for drop in (0.0, 1.0, 2.0, 4.0)]
    assert all(a < b for a, b in itertools.pairwise(allowed))


@pytest.mark.parametrize("groups", [0, 10])
def test_nothing_lost_is_as_sure_as_it_gets_and_more_samples_are_surer(groups: int) -> None:
    known = [most_sure(0.9, samples, groups, 0.5) for samples in (32, 128, 512, 2048)]
    assert all(a < b < 1 for a, b in itertools.pairwise(known[:3]))
    assert known[0] < 0.8 < 0.99 < known[3]


def test_a_point_is_relative_where_a_metric_is_no_share() -> None:
    percent = Evidence(100, 79.5, 80.0, 1.0, 1.0, 1.0, (0.5,) * 10, by_sample=False)
    assert percent.drop == pytest.approx(0.5 / 0.8)
    assert evidence([0.0]).point == 0.01
    assert how_sure(percent, 0.7) > 0.99
    assert how_sure(percent, 0.5) < 0.01


def test_one_group_tells_nothing() -> None:
    assert how_sure(evidence([0.3], by_sample=False), 0.5) == 0.5
