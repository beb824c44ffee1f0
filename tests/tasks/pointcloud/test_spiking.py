"""The methods run on PointNet, and the spiking network keeps what makes PointNet what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import torch

import snnfw
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Plan, place
from snnfw.simulate.run import network_output
from snnfw.values import Inputs, Resources
from snnfw_tasks.pointcloud.models.pointnet import PointNetModel
from snnfw_tasks.pointcloud.models.pointnet_network import Transform
from snnfw_tasks.pointcloud.sources import Head

if TYPE_CHECKING:
    from snnfw.spiking.model import SpikingModel

HEADS = {"cls": Head("cls", 4, 4), "parts": Head("parts", 6, 4)}
TIMESTEPS = 8


@dataclass(frozen=True, slots=True)
class Converted:
    graph: Graph
    plan: Plan
    model: SpikingModel
    inputs: Inputs

    def after(self, timesteps: int, inputs: Inputs | None = None) -> torch.Tensor:
        self.model.begin(inputs or self.inputs)
        self.model.advance(timesteps)
        output: torch.Tensor = self.model.read()
        return output


def inputs_for(head: str, count: int, seed: int) -> Inputs:
    points = torch.randn(count, 3, 16, generator=torch.Generator().manual_seed(seed)).double()
    return (points,) if head == "cls" else (points, torch.eye(4).repeat(count, 1)[:count].double())


def converted(head: str, words: list[str], pool: Any = "max", timesteps: int = TIMESTEPS) -> Converted:
    network = PointNetModel(width=0.1, features=12, pool=pool).build(HEADS[head], Resources())
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, Transform):  # else it predicts the identity, and nothing is tested
            torch.nn.init.normal_(module.fc3.weight, std=0.1)
    network.train()
    with torch.no_grad():
        for seed in range(20):  # batch norms learn what there is
            network.float()(*(t.float() for t in inputs_for(head, 16, seed)))
    network = network.double().eval()
    config = snnfw.resolve(["task=pointcloud", *words, f"timesteps={timesteps}"], snnfw.Registry())
    graph = capture(network, inputs_for(head, 2, 98))
    plan = place(graph, config.layers)
    model = config.converter.convert(graph, plan, [inputs_for(head, 16, 99)], timesteps, Resources())
    return Converted(graph, plan, model, inputs_for(head, 4, 99))


@torch.no_grad()
def error(some: Converted, timesteps: int) -> float:
    """Return how far the spiking output is from the network's, beside how much that varies over samples."""
    network = network_output(some.graph, some.inputs, None)
    return float((some.after(timesteps) - network).norm() / (network - network.mean(0)).norm())


@pytest.mark.parametrize("head", HEADS)
def test_the_order_of_points_does_not_matter_to_spikes_either(head: str) -> None:
    some = converted(head, ["plugin=adafire"])
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    before = some.after(TIMESTEPS)
    points, *category = some.inputs
    after = some.after(TIMESTEPS, (points[:, :, order], *category))
    assert torch.allclose(after, before if head == "cls" else before[:, :, order])
    assert before.std() > 1e-3


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("pool", ["max", "mean"])
def test_more_timesteps_come_closer_to_the_network(head: str, pool: str) -> None:
    few, many = (error(converted(head, ["plugin=adafire"], pool, steps), steps) for steps in (4, 32))
    assert many < few / 4
    assert many < 0.15


@pytest.mark.parametrize("plugin", ["rate", "calibration", "msat", "ibra"])
def test_every_method_runs(plugin: str) -> None:
    output = converted("cls", [f"plugin={plugin}"]).after(TIMESTEPS)
    assert output.shape == (4, 4)
    assert output.isfinite().all()
    assert output.std(0).max() > 0


def test_a_recipe_may_keep_the_transforms_analog() -> None:
    rules = [
        '{match: "feat.stn.*", neuron: keep}',
        '{match: "feat.fstn.*", neuron: keep}',
        '{match: "*", neuron: adafire}',
    ]
    some = converted("parts", [f"layers=[{', '.join(rules)}]", "converter=calibration"])
    kept = [fate for fate in some.plan.fates.values() if fate.path.startswith("feat.stn")]
    assert {fate.kind for fate in kept} == {Kind.STATIC}
    assert [fate.kind for fate in some.plan.fates.values() if fate.operator == "bmm"] == [Kind.STATIC, Kind.ANALOG]
    assert error(some, TIMESTEPS) < 0.35
