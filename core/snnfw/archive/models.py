"""A spiking model as plain data and tensors, and back: its graph, and at each site a neuron that a plugin builds."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from snnfw.archive.graphs import graph_to_plain, plain_to_graph
from snnfw.config.fields import as_plain
from snnfw.config.layers import build_rule
from snnfw.config.methods import build_method
from snnfw.config.recipe import plain_rule
from snnfw.errors import SnnfwError
from snnfw.kernels.choice import choose_backend
from snnfw.offers import find_entry_points
from snnfw.planning.placement import Placement, Plan, place
from snnfw.registry import Registry
from snnfw.spiking.model import SpikingModel
from snnfw.values import RATE, Keep, SiteStats

GRAPH, MODEL, STATS = "graph/", "model/", "stats/"
"""Where tensors stand: those of the network itself, those of the spiking one, and what its neurons were built from."""

FIELDS = ("threshold", "initial", "offset")


def model_to_plain(model: SpikingModel) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return a model as plain data and tensors; a tensor that both networks share is there once."""
    graph, constants = graph_to_plain(model.graph)
    tensors = {f"{GRAPH}{name}": value for name, value in constants.items()}
    wanted = {value.dtype for value in constants.values() if value.is_floating_point()}
    cast = [v.dtype for v in model.network.state_dict().values() if v.is_floating_point() and v.dtype not in wanted]
    if cast:
        raise SnnfwError(
            f"the network was cast to {cast[0]} and cannot be saved so: save it before, and cast what is loaded."
        )
    for key, value in model.state_dict().items():
        own = constants.get(key.removeprefix("network.")) if key.startswith("network.") else None
        if own is None or not _is_same(own, value):
            tensors[f"{MODEL}{key}"] = value
    for site, stats in model.stats.items():
        for field in FIELDS:
            if isinstance(value := getattr(stats, field), Tensor):
                tensors[f"{STATS}{site}/{field}"] = value
    plain = {
        "timesteps": model.timesteps,
        "temporal": model.plan.temporal,
        "coding": model.plan.coding,
        "graph": graph,
        "layers": [plain_rule(rule) for rule in model.plan.layers],
        "sites": [_placement_to_plain(placement) for placement in model.plan.placements],
        "kinds": {name: fate.kind.value for name, fate in model.plan.fates.items()},
    }
    return plain, tensors


def plain_to_model(plain: Mapping[str, Any], tensors: Mapping[str, Tensor], registry: Registry) -> SpikingModel:
    """Return the model of ``model_to_plain``'s values; its neurons are those that the registry's plugins build."""
    graph = plain_to_graph(plain["graph"], _below(tensors, GRAPH))
    plan = _read_plan(plain, place(graph, _rules(plain, registry), temporal=bool(plain["temporal"])), registry)
    timesteps, stats = int(plain["timesteps"]), _read_stats(tensors)
    if timesteps < 1:
        raise SnnfwError(f"timesteps={timesteps} is not allowed: it must be 1 or more.")
    placed = {p.site: p.neuron for p in plan.placements if not isinstance(p.neuron, Keep)}
    missing = [site.name for site in placed if site.name not in stats]
    if missing:
        raise SnnfwError(f"what the neuron at '{missing[0]}' was built from is missing.")
    neurons = {site.name: method.build(site, stats[site.name], timesteps) for site, method in placed.items()}
    backend = choose_backend("auto", "cpu")
    for neuron in neurons.values():
        neuron.backend = backend.name
    model = SpikingModel(graph, plan, neurons, timesteps)
    model.stats = stats
    model.load_state_dict(model.state_dict() | _below(tensors, MODEL))
    return model


def _placement_to_plain(placement: Placement) -> dict[str, Any]:
    method = placement.neuron
    if isinstance(method, Keep):
        return {"site": placement.site.name, "neuron": {"name": Keep.name}}
    package = type(method).__module__.partition(".")[0]
    return {
        "site": placement.site.name,
        "neuron": as_plain(method),
        "plugin": type(method).__module__,
        "version": _version_of(package),
    }


@functools.cache
def _version_of(package: str) -> str | None:
    """Return the version of the distribution whose entry point brings a package, if one does."""
    brought = {entry.value.partition(".")[0]: entry.dist for entry in find_entry_points()}
    distribution = brought.get(package)
    return distribution.version if distribution else None


def _rules(plain: Mapping[str, Any], registry: Registry) -> tuple[Any, ...]:
    _require_neurons(plain, registry)
    return tuple(
        build_rule(registry, f"layers[{number}]", dict(line), None) for number, line in enumerate(plain["layers"])
    )


def _require_neurons(plain: Mapping[str, Any], registry: Registry) -> None:
    """Say which plugin is missing, where one is."""
    for placed in plain["sites"]:
        name = placed["neuron"]["name"]
        if name != Keep.name and name not in registry.neurons:
            raise SnnfwError(
                f"the neuron '{name}' at '{placed['site']}' is of plugin {placed.get('plugin')} "
                f"(version {placed.get('version')}), which is not here: install it, or hand "
                "snnfw.load(..., registry=Registry(plugins=[...])) one that registers it."
            )


def _read_plan(plain: Mapping[str, Any], plan: Plan, registry: Registry) -> Plan:
    """Return the plan with the neuron that each site had in the end, and as every operator was."""
    for placement, placed in zip(plan.placements, plain["sites"], strict=True):
        site = placement.site.name
        if site != placed["site"]:
            raise SnnfwError(f"site '{site}' is where '{placed['site']}' was.")
        neuron = build_method(registry, "neurons", f"the neuron at '{site}'", dict(placed["neuron"]))
        if neuron != placement.neuron:
            plan = plan.with_neuron(site, neuron)
    coding = plain.get("coding", RATE)  # files that name none were written when there was no other
    if plan.coding != coding:
        raise SnnfwError(
            f"its neurons are {plan.coding} coded here and were {str(coding)[:40]} coded where it was saved: convert "
            "the network anew with this version."
        )
    kinds = {name: fate.kind.value for name, fate in plan.fates.items()}
    other = next((name for name in kinds if kinds[name] != plain["kinds"].get(name)), None)
    if other is not None:
        raise SnnfwError(
            f"operator '{other}' is {kinds[other]} here and was {plain['kinds'].get(other)} where it was saved: "
            "convert the network anew with this version."
        )
    return plan


def _read_stats(tensors: Mapping[str, Tensor]) -> dict[str, SiteStats]:
    found: dict[str, dict[str, Tensor]] = {}
    for name, value in _below(tensors, STATS).items():
        site, _, field = name.rpartition("/")
        found.setdefault(site, {})[field] = value
    return {site: SiteStats(**fields) for site, fields in found.items()}


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _is_same(ours: Tensor, theirs: Tensor) -> bool:
    return ours.dtype == theirs.dtype and ours.shape == theirs.shape and bool(ours.cpu().equal(theirs.cpu()))


def differing_tensors(ours: SpikingModel, theirs: SpikingModel) -> Iterator[str]:
    """Yield the names of what is another in one of two models."""
    left, right = ours.state_dict(), theirs.state_dict()
    for name in dict.fromkeys((*left, *right)):
        if name not in left or name not in right or not _is_same(left[name], right[name]):
            yield name
