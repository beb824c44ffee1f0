"""A temporal input gives the network another frame at each timestep."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from networks import ConvNet, captured, noise
from snnfw.capture.graph import Graph
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep, Resources
from snnfw_plugins.integrate_and_fire import IntegrateAndFire

T = 6
FRAMES = noise(4, T, 3, 8, 8, seed=1)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return captured(ConvNet, noise(4, 3, 8, 8))


def model(graph: Graph, temporal: bool = True) -> SpikingModel:
    plan = place(graph, (Rule("*", IntegrateAndFire()),), temporal=temporal)
    return Direct().convert(graph, plan, [(noise(16, 3, 8, 8),)], T, Resources(backend="reference"))


def test_the_same_frame_at_each_timestep_is_a_static_input(graph: Graph) -> None:
    still = FRAMES[:, :1].expand(-1, T, -1, -1, -1)
    torch.testing.assert_close(model(graph)(still), model(graph, temporal=False)(FRAMES[:, 0]))


def test_each_timestep_sees_its_own_frame(graph: Graph) -> None:
    temporal, static = model(graph), model(graph, temporal=False)
    temporal.keep_each()
    temporal(FRAMES)
    for frame, expected in zip(FRAMES.unbind(1), temporal.read_each(), strict=True):
        modules: list[Any] = [*(neuron for _, neuron in static.site_neurons()), *static.cumulative.children()]
        carried = [(module, dict(module.named_memories())) for module in modules]
        static.begin((frame,))
        for module, memories in carried:
            for name, value in memories.items():
                setattr(module, name, value)
        static.advance(1)
        assert torch.equal(static.read(), expected)


def test_chunks_and_early_leavers_see_their_own_frames(graph: Graph) -> None:
    whole, parts = model(graph), model(graph)
    expected = whole(FRAMES)
    parts.begin((FRAMES,))
    parts.advance(2)
    parts.advance(1)
    parts.keep(torch.tensor([0, 2]))
    parts.advance(3)
    torch.testing.assert_close(parts.read(), expected[[0, 2]], rtol=1e-12, atol=1e-12)


def test_nothing_behind_a_temporal_input_runs_once(graph: Graph) -> None:
    plan = place(graph, (Rule("*", IntegrateAndFire()),), temporal=True)
    assert not [fate.node for fate in plan.fates.values() if fate.kind is Kind.STATIC and fate.macs]


def test_a_network_without_neurons_reads_the_mean_frame(graph: Graph) -> None:
    plan = place(graph, (Rule("*", Keep()),), temporal=True)
    spiking = Direct().convert(graph, plan, [(noise(4, 3, 8, 8),)], T, Resources())
    torch.testing.assert_close(spiking(FRAMES), graph(FRAMES.mean(1)))


def test_more_timesteps_than_frames_are_refused(graph: Graph) -> None:
    spiking = model(graph)
    spiking.begin((FRAMES,))
    with pytest.raises(SnnfwError) as caught:
        spiking.advance(T + 1)
    assert str(caught.value) == (
        "the input holds 6 frames and timestep 7 is asked for: run at most as many timesteps as there are frames."
    )
