"""Give some sites of a spiking network another neuron, and leave the others as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import torch

from snnfw.config.recipe import plain_rule
from snnfw.errors import SnnfwError, did_you_mean
from snnfw.network.conversion import Conversion
from snnfw.network.quiet import own_randomness
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Neuron, Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep

SHOWN = 8
"""Sites that an error names."""


def change_plan(conversion: Conversion, plan: Plan, rule: Rule) -> Plan:
    """Return the plan with a rule put first; sites that it does not take keep the neurons that they have.

    A rule whose sites are all taken becomes optional: it has placed something, and is not to blame.
    """
    graph, match = conversion.graph, rule.match
    there = {placement.site.name: placement for placement in plan.placements}
    names = [site.name for site in (*graph.sites, *graph.gates)]
    taken = {name for name in names if fnmatchcase(name, match)}
    if not taken:
        shown = ", ".join(names[:SHOWN]) + f" and {len(names) - SHOWN} more" * (len(names) > SHOWN)
        raise SnnfwError(f"no site matches '{match}'.{did_you_mean(match, names)} Sites: {shown}.")
    layers = tuple(replace(old, optional=True) if _is_covered(old, plan, taken) else old for old in plan.layers)
    changed = place(graph, (rule, *layers), temporal=plan.temporal)
    for placement in changed.placements:
        site = placement.site.name
        own = there[site].neuron if site in there else None
        if placement.rule is not changed.layers[0] and own is not None and own != placement.neuron:
            changed = _restore(changed, site, own)
    return changed


def convert_again(conversion: Conversion, plan: Plan, before: SpikingModel) -> SpikingModel:
    """Return the model of a changed plan, on the device and in the precision of the one before."""
    with own_randomness(conversion.resources.device):
        torch.manual_seed(conversion.resources.seed)
        model = conversion.convert(plan, before)
    like = next(before.neurons.buffers())
    return model.to(like.device, like.dtype).train(before.training)


def tell_change(about: Mapping[str, Any], before: Plan, after: Plan) -> dict[str, Any]:
    """Return the provenance of a network whose configuration has the changed plan's rules, and which has no scores."""
    config = about.get("config", {})
    first, *others = after.layers
    followed = [
        {**line, "optional": True} if new.optional and not old.optional else line
        for line, old, new in zip(config.get("layers", []), before.layers, others, strict=False)
    ]
    kept = {key: value for key, value in about.items() if key not in ("scores", "results")}
    return {**kept, "config": {**config, "layers": [plain_rule(first), *followed]}}


def _is_covered(rule: Rule, plan: Plan, taken: set[str]) -> bool:
    sites = [placement.site.name for placement in plan.placements if placement.rule == rule]
    return bool(sites) and taken.issuperset(sites)


def _restore(plan: Plan, site: str, neuron: Neuron | Keep) -> Plan:
    """Return the plan with the neuron that a search has found for a site."""
    return plan if isinstance(neuron, Keep) else plan.with_neuron(site, neuron)
