"""Score a spiking network on data without a task: ``snnfw.evaluate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from torch import nn

from snnfw.config.given import given_mapping
from snnfw.config.methods import choose_optional
from snnfw.config.sources import read_values
from snnfw.contracts import ExitPolicy
from snnfw.errors import SnnfwError
from snnfw.network.evaluation import Evaluation, choose_checkpoints, now, shared_by
from snnfw.network.network import SpikingNetwork
from snnfw.registry import Registry
from snnfw.report.report import Report
from snnfw.report.summary import make_report
from snnfw.search.sharing import agree_on_model
from snnfw.simulate.settling import certify_first
from snnfw.stages import prepare_exit
from snnfw.store.batches import describe_batches
from snnfw.values import Bundle, Data, ExitRule


def evaluate(
    snn: SpikingNetwork,
    batches: Any,
    metric: Any = None,
    *,
    checkpoints: Sequence[int] | None = None,
    exit: str | Mapping[str, Any] | ExitPolicy | None = None,  # noqa: A002  # the name that it has everywhere
    registry: Registry | None = None,
    devices: int = 1,
    nodes: int = 1,
) -> Report:
    """Return the report of a spiking network on data with labels: scores, latency and energy, beside the network's own.

    Args:
        snn: the spiking network, converted or loaded.
        batches: inputs with labels: a tuple (x, y), a list of such batches, or a DataLoader.
        metric: a metric of torchmetrics, a function of (output, target) that returns one number for a batch or one for
            each sample, or a Judgement; without it, accuracy of logits [N, K] with labels [N].
        checkpoints: timesteps to score at; without it, powers of two and the last one.
        exit: who may leave early, by name, as a mapping or an instance; its thresholds are fitted on the calibration
            samples of the conversion, so that a network from a file takes one that needs none.
        registry: the plugins to choose an exit from; without it, those that are installed.
        devices: processes on each machine that share the batches; Lightning starts the script again for all but the
            first, unless torchrun or a cluster has started them. All of them return the same report.
        nodes: machines that share them, on each of which the script is started.

    Raises:
        SnnfwError: there are no labels, the metric does not fit, or a checkpoint is not within the timesteps.

    """
    with shared_by(devices, nodes, [snn] if isinstance(snn, SpikingNetwork) else []) as ranks:
        return _evaluate(snn, Evaluation.on(snn, batches, metric, ranks), checkpoints, exit, registry or Registry())


def _evaluate(
    snn: SpikingNetwork,
    test: Evaluation,
    checkpoints: Sequence[int] | None,
    policy: str | Mapping[str, Any] | ExitPolicy | None,
    registry: Registry,
) -> Report:
    """Evaluate as one of the processes that share it."""
    scored = choose_checkpoints(checkpoints, snn.timesteps)
    rule = _exit_rule(snn, policy, registry, test)
    agree_on_model(test.ranks, snn.model, rule)
    trace = test.simulate(snn, scored, rule)
    about = {
        **{key: value for key, value in snn.about.items() if key not in ("search", "fitting")},
        "timesteps": snn.timesteps,
        "created": now(),
        "versions": {name: version(name) for name in ("snnfw", "torch", "spikingjelly")},
        "evaluation": describe_batches(test.data.evaluation),
        **({"fitting": snn.about["fitting"]} if rule and "fitting" in snn.about else {}),
    }
    return make_report(
        snn.model.graph,
        snn.plan,
        trace,
        test.measure_network(snn),
        snn.costs,
        headline=test.judgement.headline,
        about=about,
        searched=snn.about.get("search"),
        exited=rule.record() if rule else None,
        certificate=certify_first(snn.model, test.data.evaluation, snn.memory),
        chance=test.judgement.chance,
    )


def _exit_rule(
    snn: SpikingNetwork, policy: str | Mapping[str, Any] | ExitPolicy | None, registry: Registry, test: Evaluation
) -> ExitRule | None:
    if policy is None:
        return None
    written = read_values(given_mapping({"exit": policy}, registry), ("exit",))
    chosen = choose_optional(registry, written, "exit")
    own = snn.conversion.bundle if snn.conversion else None
    if own is None and getattr(chosen, "fits", True):
        raise SnnfwError(
            f"exit '{chosen.name}' is fitted on calibration samples, and a network from a file has none: evaluate the "
            "network that snnfw.convert returned, or give an exit that needs none, such as confidence."
        )
    bundle = own or Bundle(nn.Identity(), (), Data((), ()), test.judgement)
    return prepare_exit(chosen, snn.model, replace(bundle, judgement=test.judgement), snn.timesteps, test.resources)
