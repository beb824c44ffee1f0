"""A trainable graph is the network in evaluation mode, and in training mode too."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from networks import ConvNet, InPlaceReuse, noise, seeded
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.capture.trainable import batch_norms, evaluate_training


class Dropping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Dropout(0.5)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(F.relu(self.norm(self.conv(x)))).mean((2, 3))
        return self.head(F.dropout(x, 0.25, self.training))  # type: ignore[no-any-return]  # Linear


def trained(graph: Graph, x: Tensor) -> Tensor:
    """Return what the graph computes in training."""
    values: dict[fx.Node, Any] = {graph.inputs[0]: x}
    for node in graph.nodes[:-1]:
        if node.name in graph.sizes:
            values[node] = graph.sizes[node.name](len(x))
        elif node not in values:
            values[node] = evaluate_training(graph.module, node, values.__getitem__)
    (result,) = graph.output.all_input_nodes
    return cast("Tensor", values[result])


@pytest.mark.parametrize("build", [ConvNet, InPlaceReuse])
def test_a_step_of_training_is_the_network_s_own(build: type[nn.Module]) -> None:
    x = noise(6, 3, 8, 8)
    net = seeded(build).double().eval()
    twin = copy.deepcopy(net).train()
    graph = capture(net, (x[:2],), trainable=True)
    trained(graph, x).square().sum().backward()
    twin(x).square().sum().backward()
    for (name, ours), theirs in zip(net.named_parameters(), twin.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(ours.grad, theirs.grad, msg=name)
    for (name, estimate), other in zip(net.named_buffers(), twin.buffers(), strict=True):
        if "num_batches" not in name:
            torch.testing.assert_close(estimate, other, msg=name)
    torch.testing.assert_close(graph(x), twin.eval()(x))


def test_dropouts_drop_in_training_alone() -> None:
    x = noise(64, 3, 5, 5)
    net = seeded(Dropping).double().eval()
    graph = capture(net, (x[:2],), trainable=True)
    torch.testing.assert_close(graph(x), net(x))
    assert not torch.equal(trained(graph, x), trained(graph, x))
    kept = [node for node in graph.nodes if "dropout" in str(node.target)]
    assert [node.args[1:] for node in kept] == [(0.5, False), (0.25, False)]
    assert torch.equal(graph(x), graph(x))


class DroppingInPlace(nn.Module):
    """Drop in place, and read both what was dropped and what it was called on afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.drop = nn.Conv2d(3, 6, 3), nn.Dropout(0.5, inplace=True)
        self.channels = nn.Dropout2d(0.25, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.conv(x))
        dropped = self.drop(y)
        self.channels(y)
        return torch.cat([dropped, y, y * 2], 1)


def test_dropouts_in_place_drop_for_whoever_reads_afterwards() -> None:
    x = noise(16, 3, 5, 5)
    net = seeded(DroppingInPlace).double().eval()
    graph = capture(net, (x[:2],), trainable=True)
    torch.testing.assert_close(graph(x), net(x))
    assert [node.args[1:] for node in graph.nodes if "dropout" in str(node.target)] == [(0.5, False), (0.25, False)]
    first, second, third = trained(graph, x).chunk(3, 1)
    assert torch.equal(first, second)
    assert torch.equal(2 * first, third)
    assert int((first == 0).sum()) > 1.2 * int((graph(x).chunk(3, 1)[0] == 0).sum())


def test_without_asking_norms_are_folded() -> None:
    x = noise(2, 3, 8, 8)
    net = seeded(ConvNet).double().eval()
    assert not batch_norms(capture(net, (x,)).module)
    assert len(batch_norms(capture(net, (x,), trainable=True).module)) == 2
