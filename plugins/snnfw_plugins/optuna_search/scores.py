"""Score plans, and keep the scores on disk, so that a search that was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from snnfw import Score
from snnfw.search import Keys, open_store

if TYPE_CHECKING:
    from snnfw.planning import Plan
    from snnfw.search import Trials


def plan_scorer(trials: Trials) -> Callable[[Plan], Score]:
    """Return the scorer of plans, which remembers scores of earlier runs on the same network and data."""
    store, keys = open_store(), Keys(trials)

    def score(plan: Plan) -> Score:
        key = keys.of("the score", keys.plan(plan))
        kept = store.load(key)
        if kept is None:
            found = trials.score(plan)
            store.save(key, {"metric": found.metric, "energy": found.energy})
            return found
        return Score(kept["metric"], kept["energy"])

    return score
