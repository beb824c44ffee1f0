"""Score plans, and keep the scores on disk, so that a search that was stopped goes on where it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw import Score, SnnfwError
from snnfw.search import Keys, measure_all, open_store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snnfw.planning import Plan
    from snnfw.search import Trials


def plan_scorer(trials: Trials) -> Callable[[Sequence[Plan]], Iterator[tuple[int, Score]]]:
    """Return what scores plans, by their positions, and remembers earlier scores on the same network and data.

    Those that nothing is known of are scored here, or on the trials' workers, and yielded as they finish.
    """
    store, keys = open_store(), Keys(trials)

    def score(plans: Sequence[Plan]) -> Iterator[tuple[int, Score]]:
        missing: dict[int, str] = {}
        known: dict[str, int] = {}
        same: list[tuple[int, int]] = []
        for at, plan in enumerate(plans):
            key = keys.of("the score", keys.plan(plan))
            kept = store.load(key)
            if kept is not None:
                yield at, Score(kept["metric"], kept["energy"])
            elif key in known:
                same.append((at, known[key]))
            else:
                missing[at], known[key] = key, at
        asked, found = list(missing), dict[int, Score]()
        for number, scored in measure_all(trials, score_plan, [plans[at] for at in asked]):
            at = asked[number]
            store.save(missing[at], {"metric": scored.metric, "energy": scored.energy})
            found[at] = scored
            yield at, scored
        yield from ((at, found[first]) for at, first in same)

    return score


def score_plan(trials: Trials, plan: Plan) -> Score:
    """Return the score of one plan, wherever that is asked."""
    return trials.score(plan)


ROUNDING = 1e-9
"""What a difference of two metrics may be above the loss that a user writes in decimals."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Some points of a frontier, each with the score of its whole plan, and the network's own score.

    ``expected`` is the metric fitted to rise with energy: what is above it by luck and below it by bad luck is
    averaged out. The points are in the order of energy.
    """

    points: tuple[int, ...]
    scores: tuple[Score, ...]
    expected: tuple[float, ...]
    network: Score

    def cheapest(self, loss: float, key: str) -> int:
        """Return the cheapest point whose metric is expected to be within a loss, or say which loss is possible."""
        losses = [self.network.metric - metric for metric in self.expected]
        within = [number for number, lost in enumerate(losses) if lost <= loss + ROUNDING]
        if not within:
            least = math.ceil((min(losses) - ROUNDING) * 1e4) / 1e4
            raise SnnfwError(
                f"{key}.loss={loss:g} cannot be met: of the {len(self.points)} plans tried none loses less than "
                f"{least:g} of the network's {self.network.metric:.4g} on the samples to fit on. Give {key}."
                f"loss={least:g} or more, other values to choose from, or more samples."
            )
        return self.points[within[0]]

    def record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        pairs = zip(self.points, self.scores, self.expected, strict=True)
        return {
            "network": {"metric": self.network.metric, "energy": self.network.energy},
            "points": [
                {"point": point, "metric": score.metric, "expected": metric, "energy": score.energy}
                for point, score, metric in pairs
            ],
        }


def try_plans(plans: Mapping[int, Plan], trials: Trials) -> Tried:
    """Convert and score the plans of some points, by their numbers."""
    points = list(plans)
    found = plan_scorer(trials)([plans[point] for point in points])
    reached = dict(trials.resources.track(found, "try plans", len(plans)))
    scored = sorted(((point, reached[at]) for at, point in enumerate(points)), key=lambda pair: pair[1].energy)
    scores = tuple(tried for _, tried in scored)
    rising = fit_rising([tried.metric for tried in scores])
    network = trials.network(next(iter(plans.values())))
    return Tried(tuple(point for point, _ in scored), scores, tuple(rising), network)


def spread_points(values: Sequence[float] | NDArray[np.float64], most: int) -> list[int]:
    """Return at most so many numbers of points whose falling values are evenly spread as logarithms, both ends in."""
    floor = max(float(values[-1]), float(values[0]) * 1e-6, np.finfo(float).tiny)
    heights = np.log(np.maximum(np.asarray(values, dtype=float), floor))
    wanted = np.linspace(heights[0], heights[-1], most)
    nearest = np.abs(heights[None, :] - wanted[:, None]).argmin(1)
    return [int(number) for number in np.unique(np.append(nearest, len(heights) - 1))][-most:]


def fit_rising(metrics: Sequence[float]) -> list[float]:
    """Return the non-decreasing numbers nearest to some metrics in least squares: neighbours that fall are pooled."""
    pools: list[tuple[float, int]] = []
    for metric in metrics:
        pools.append((metric, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (before, many), (after, few) = pools[-2:]
            pools[-2:] = [((before * many + after * few) / (many + few), many + few)]
    return [mean for mean, size in pools for _ in range(size)]
