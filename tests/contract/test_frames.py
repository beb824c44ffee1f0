"""Every converter, search and exit takes samples of several frames, and finds in still ones what it finds in one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from networks import ConvNet, captured, noise
from snnfw.capture.graph import Graph
from snnfw.config.fields import build_dataclass
from snnfw.conversion.activations import activations, mean_activations
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.errors import SnnfwError
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Rule
from snnfw.registry import Registry
from snnfw.search.branch import run_branches
from snnfw.search.trials import Trials
from snnfw.simulate.accuracy import Accuracy
from snnfw.simulate.run import simulate
from snnfw.spiking.model import SpikingModel
from snnfw.values import Batch, Bundle, Data, Judgement, Resources, SiteStats
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.msat import MSAT

T = 4
REGISTRY = Registry()
X, LABELS = noise(6, 3, 8, 8), torch.arange(6) % 5
STILL = X.unsqueeze(1).repeat(1, T, 1, 1, 1)
MOVING = noise(6, T + 2, 3, 8, 8, seed=3)  # more frames than timesteps
RESOURCES = Resources(backend="reference")
OPTIONS: dict[str, dict[str, Any]] = {
    "calibration": {"weights": True, "potential": True, "iterations": 3},
    "msat": {"layers": "all"},
    "optuna": {"space": {"phi": [1, 2]}, "trials": 2},
    "pareto": {"space": {"phi": [1, 2]}, "budget": 4.0},
    "ssc": {"ratios": [1.0, 2.0], "budget": 4.0},
    "adafire": {"phi": {"space": {"phi": [1, 2]}, "budget": 4.0}, "ssc": {"ratios": [1.0], "budget": 4.0}},
    "fixed": {"timestep": 2},
    "entropy": {"correct_only": False},
}


def configured(kind: str, name: str) -> Any:
    return build_dataclass(REGISTRY.find(kind, name), OPTIONS.get(name, {}), name, name)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return captured(ConvNet, X)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def planned(graph: Graph, temporal: bool, neuron: Any = None) -> Plan:
    return place(graph, (Rule("*", neuron or AdaFire(phi=2)),), temporal=temporal)


def bundle_of(samples: Tensor, frames: int | None) -> Bundle:
    return Bundle(
        model=nn.Identity(),
        example=(X,),
        data=Data(
            calibration=[(samples[:4],), (samples[4:],)],
            evaluation=[Batch((samples,), LABELS)],
            tuning=[Batch((samples,), LABELS)],
            frames=frames,
        ),
        judgement=Judgement(
            scorer=partial(Accuracy, 5),
            headline="accuracy",
            logits=lambda output: output,
            correct=lambda output, target: (output.argmax(1) == target).double(),
            distance=lambda one, other: (one - other).abs().amax(1).clamp(0, 1),
        ),
    )


STATIC, STANDING, RUNNING = bundle_of(X, None), bundle_of(STILL, T), bundle_of(MOVING, T + 2)


def convert(graph: Graph, converter: Any, bundle: Bundle, neuron: Any = None) -> SpikingModel:
    plan = planned(graph, bundle.data.temporal, neuron)
    return converter.convert(graph, plan, bundle.data.calibration, T, RESOURCES)  # type: ignore[no-any-return]  # any converter


@pytest.mark.parametrize("name", REGISTRY.converters)
def test_every_converter_takes_whole_samples(graph: Graph, name: str) -> None:
    neuron = MSAT() if name == "msat" else None
    converter = configured("converters", name)
    one, still = (convert(graph, converter, bundle, neuron) for bundle in (STATIC, STANDING))
    torch.testing.assert_close(still(STILL), one(X))
    assert bool(convert(graph, converter, RUNNING, neuron)(MOVING).isfinite().all())


@pytest.mark.parametrize("name", REGISTRY.searches)
def test_every_search_takes_whole_samples(graph: Graph, name: str) -> None:
    if name == "optuna":
        pytest.importorskip("optuna")
    found = []
    for bundle in (STATIC, STANDING, RUNNING):
        trials = Trials(graph, bundle.data, bundle.judgement, Calibration(), T, Horowitz(), RESOURCES)
        found.append(configured("searches", name).search(planned(graph, bundle.data.temporal), trials))
    neurons = [[placement.neuron for placement in result.plan.placements] for result in found]
    assert neurons[0] == neurons[1]


@pytest.mark.parametrize("name", REGISTRY.exit_policies)
def test_every_exit_takes_whole_samples(graph: Graph, name: str) -> None:
    records = []
    for bundle in (STATIC, STANDING, RUNNING):
        model = convert(graph, Calibration(), bundle)
        rule = configured("exit_policies", name).prepare(model, bundle, T, RESOURCES)
        trace = simulate(model, bundle.data.evaluation, [T], bundle.judgement.scorer, RESOURCES, rule)
        records.append((rule.record().get("thresholds"), trace.exits))
    assert records[0][1] == records[1][1]
    assert records[0][0] == pytest.approx(records[1][0]) if records[0][0] else records[1][0] is None


def test_what_is_wanted_of_a_neuron_is_the_mean_over_the_frames_that_a_run_sees(graph: Graph) -> None:
    wanted = dict(mean_activations(graph, (MOVING,), T))
    for site, each in activations(graph, (MOVING[:, :T],)):
        torch.testing.assert_close(wanted[site], each.unflatten(0, (6, T)).mean(1))
    unseen = torch.cat([MOVING[:, :T], 100 * MOVING[:, T:]], 1)
    assert all(torch.equal(value, wanted[site]) for site, value in mean_activations(graph, (unseen,), T))


class ReadsInput(nn.Module):
    """A network whose readout reads the input beside what its neurons emit."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 3, 3), nn.Linear(3, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 5]."""
        return self.head(torch.relu(self.conv(x)).mean((2, 3)) + x.mean((2, 3)).softmax(1))  # type: ignore[no-any-return]  # Linear


def test_a_branch_has_the_frames_that_the_readout_reads() -> None:
    graph = captured(ReadsInput, X)
    model = convert(graph, Direct(), RUNNING)
    ((site, _),) = model.site_neurons()
    other = {site.name: [AdaFire(phi=1).build(site, SiteStats(torch.ones(1, 1, 1, 1).to(X)), T)]}
    expected = model(MOVING)
    for _ in run_branches(model, (MOVING,), other):
        branched = model.read()
    torch.testing.assert_close(model.read(), expected)
    model.neurons[site.node] = other[site.name][0]
    torch.testing.assert_close(branched, model(MOVING))


def test_bias_correction_of_moving_frames_brings_each_layer_closer(graph: Graph) -> None:
    placed = {site.name for site in graph.sites}
    means = ((site.name, value) for site, value in mean_activations(graph, (MOVING,), T))
    wanted = {name: value.mean((0, 2, 3)) for name, value in means if name in placed}

    def error(converter: Calibration) -> float:
        model = convert(graph, converter, replace(RUNNING, data=replace(RUNNING.data, calibration=[(MOVING,)])))
        seen: dict[str, Tensor] = {}

        def visit(site: Any, neuron: Any, drive: Tensor) -> Tensor:
            output: Tensor = neuron(drive)
            seen[site.name] = output.mean((0, 1, 3, 4))
            return output

        model.begin((MOVING,))
        model.advance(T, visit)
        return sum(float((seen[name] - wanted[name]).abs().sum()) for name in wanted)

    assert error(Calibration()) < 0.5 * error(Calibration(bias=False))


def test_single_frames_are_refused_by_what_runs_over_time(graph: Graph) -> None:
    model = Direct().convert(graph, planned(graph, True), [(X,)], T, RESOURCES)
    with pytest.raises(SnnfwError) as caught:
        model(X)
    assert str(caught.value) == (
        "the input varies in time and single frames of shape [6, 3, 8, 8] are given: give whole samples, [N, frames, ...]."
    )
