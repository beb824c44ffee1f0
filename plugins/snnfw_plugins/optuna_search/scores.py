"""Score plans, and keep the scores on disk, so that a search that was stopped goes on where it was."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING

from snnfw.cache import cache_folder
from snnfw.capture.graph import attribute
from snnfw.contracts import Score
from snnfw.kernels.choice import choose
from snnfw.simulate.store import FingerprintError, Store, fingerprint, source_of

if TYPE_CHECKING:
    from snnfw.plan.place import Plan
    from snnfw.simulate.trials import Trials

LOG = logging.getLogger("snnfw")


def scores(trials: Trials) -> Callable[[Plan], Score]:
    """Return what scores a plan, or remembers its score from an earlier run on the same network and data."""
    store, common = _store(trials)

    def score(plan: Plan) -> Score:
        neurons = [
            (place.site.name, place.neuron, source_of(type(place.neuron).__module__)) for place in plan.placements
        ]
        key = fingerprint(common, neurons) if store.folder else ""
        kept = store.load(key)
        if kept is None:
            found = trials.score(plan)
            store.save(key, {"metric": found.metric, "energy": found.energy})
            return found
        return Score(kept["metric"], kept["energy"])

    return score


def _store(trials: Trials) -> tuple[Store, str]:
    try:
        return Store(cache_folder("search")), _common(trials)
    except (OSError, FingerprintError) as error:
        LOG.warning("snnfw: scores are not kept (%s): a search that is stopped starts over", error)
        return Store(None), ""


def _common(trials: Trials) -> str:
    """Return a key of everything that a score depends on besides the neurons."""
    module, bundle, resources = trials.graph.module, trials.bundle, trials.resources
    constants = [str(node.target) for node in trials.graph.nodes if node.op == "get_attr"]
    return fingerprint(
        [version(name) for name in ("snnfw", "torch", "spikingjelly")],
        [module.code, {name: attribute(module, name) for name in constants}],
        [fingerprint(inputs) for inputs in bundle.calibration],
        [fingerprint(batch) for batch in bundle.tuning or ()],
        [
            bundle.headline,
            trials.converter,
            source_of(type(trials.converter).__module__),
            trials.timesteps,
            trials.costs,
        ],
        [resources.device, choose(resources.backend, resources.device).name, resources.memory, resources.seed],
    )
