"""Score several conversions of one network side by side, without a task: ``snnfw.compare``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from snnfw.energy.inventory import take_inventory
from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.network.evaluation import Evaluation, choose_checkpoints, now, shared_by
from snnfw.network.network import SpikingNetwork
from snnfw.report.leaderboard import SCHEMA, Entry, Leaderboard, make_standing
from snnfw.report.report import Network
from snnfw.report.summary import describe_method, summarise_checkpoint
from snnfw.search.sharing import agree_on_model


def compare(
    networks: Mapping[str, SpikingNetwork],
    batches: Any,
    metric: Any = None,
    *,
    checkpoints: Sequence[int] | None = None,
    devices: int = 1,
    nodes: int = 1,
) -> Leaderboard:
    """Return a leaderboard of several conversions of one network, each scored at the same timesteps of one run.

    Args:
        networks: spiking networks by the names that they are to have, all converted from the same network.
        batches: inputs with labels, as for ``evaluate``.
        metric: as for ``evaluate``.
        checkpoints: timesteps to score at; without it, powers of two up to the shortest run.
        devices: as for ``evaluate``: processes on each machine that share the batches.
        nodes: machines that share them.

    Raises:
        SnnfwError: there is nothing to compare, the networks are not of one network, or have other prices.

    """
    if not isinstance(networks, Mapping) or not networks:
        raise wrong_kind_error("what to compare", networks, "a mapping of names to spiking networks")
    for name, snn in networks.items():
        if not isinstance(snn, SpikingNetwork):
            raise wrong_kind_error(f"'{name}'", snn, "what snnfw.convert or snnfw.load returns")
    (first_name, first), *others = networks.items()
    for name, other in others:
        _require_same(first_name, first, name, other)
    with shared_by(devices, nodes, list(networks.values())) as ranks:
        return _compare(networks, Evaluation.on(first, batches, metric, ranks), checkpoints)


def _compare(
    networks: Mapping[str, SpikingNetwork], test: Evaluation, checkpoints: Sequence[int] | None
) -> Leaderboard:
    """Compare as one of the processes that share it."""
    first = next(iter(networks.values()))
    for snn in networks.values():
        agree_on_model(test.ranks, snn.model, None)
    scored = choose_checkpoints(checkpoints, min(snn.timesteps for snn in networks.values()))
    network = test.measure_network(first)
    entries = tuple(_entry(name, snn, test, scored, network) for name, snn in networks.items())
    about: dict[str, Any] = {key: first.about[key] for key in ("device", "backend") if key in first.about}
    return Leaderboard(
        schema=SCHEMA,
        headline=test.judgement.headline,
        about={**about, "created": now(), "versions": dict(first.about.get("versions", {}))},
        checkpoints=scored,
        retarget=False,
        network=network,
        entries=entries,
        chance=test.judgement.chance,
    )


def _entry(name: str, snn: SpikingNetwork, test: Evaluation, checkpoints: Sequence[int], network: Network) -> Entry:
    trace, inventory = test.simulate(snn, checkpoints, None), take_inventory(snn.model.graph, snn.plan)
    standings = tuple(
        make_standing(
            summarise_checkpoint(inventory, point, snn.costs, network),
            trace.seconds if point is trace.final else None,
        )
        for point in trace.points
    )
    config = snn.about.get("config", {})
    search = config.get("search")
    return Entry(
        name=name,
        plugin=snn.about.get("plugin"),
        layers=tuple(f"{rule}: {describe_method(rule.neuron)}" for rule in snn.plan.layers),
        converter=_name_of(config.get("converter")) or "",
        search=_name_of(search),
        exit=None,
        samples=trace.samples,
        standings=standings,
        error=None,
    )


def _name_of(written: Any) -> str | None:
    return written.get("name") if isinstance(written, Mapping) else None


def _require_same(first_name: str, first: SpikingNetwork, name: str, other: SpikingNetwork) -> None:
    """Refuse conversions of different networks, and energies at different prices."""
    ours, theirs = first.model.graph.module.state_dict(), other.model.graph.module.state_dict()
    same = list(ours) == list(theirs) and all(
        value.shape == theirs[key].shape and torch.equal(value.cpu(), theirs[key].cpu()) for key, value in ours.items()
    )
    if not same:
        raise SnnfwError(f"'{name}' and '{first_name}' are conversions of two networks: compare those of the same one.")
    if first.costs != other.costs:
        raise SnnfwError(f"'{name}' and '{first_name}' have other prices of operations: convert both with one energy=.")
