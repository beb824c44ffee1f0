"""Write a plan as a recipe that ``recipe=FILE`` replays."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING

from omegaconf import OmegaConf

from snnfw import Rule
from snnfw.config import as_plain, plain_rule

if TYPE_CHECKING:
    from snnfw.planning import Plan
    from snnfw.search import Trials


def recipe_yaml(plan: Plan, trials: Trials) -> str:
    """Return a YAML file with one rule per site, the converter and the timesteps; nothing is searched again.

    Each rule names its site's function, because encoders and gates are taken by that name alone.
    """
    sites = [(placement.site, placement.neuron) for placement in plan.placements]
    rules = [Rule(glob.escape(site.name), neuron, activation=site.activation) for site, neuron in sites]
    values = {
        "timesteps": trials.timesteps,
        "converter": as_plain(trials.converter),
        "search": None,
        "fitting": trials.fitting,
        "layers": [plain_rule(rule) for rule in rules],
    }
    return OmegaConf.to_yaml(OmegaConf.create(values))
