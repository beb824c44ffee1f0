"""Encoders: where they are offered, and that they change nothing until a rule takes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import noise, seeded, small_swin, small_vit, unlike
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.capture.sites import IDENTITY, aten, overload_packet

Forward = Callable[["Two", Tensor], Tensor]


class Two(nn.Module):
    """Two layers, and what happens around them."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.first, self.second, self.around = nn.Linear(6, 6), nn.Linear(6, 6), forward

    def forward(self, x: Tensor) -> Tensor:
        return self.around(self, x)


def graph_of(forward: Forward) -> Graph:
    net = seeded(lambda: Two(forward)).double().eval()
    return capture(net, (noise(3, 6),))


def encoders(graph: Graph) -> list[str]:
    return [site.name for site in graph.gates if site.activation == IDENTITY]


CASES: dict[str, tuple[Forward, list[str]]] = {
    "input and current": (lambda n, x: n.second(n.first(x)), ["first.identity", "second.identity"]),
    "activations need none": (lambda n, x: n.second(F.relu(n.first(x))), ["first.identity"]),
    "gates may": (lambda n, x: n.second(torch.sigmoid(n.first(x))), ["first.identity", "second.identity"]),
    "one for each stream": (lambda n, x: n.first(x) + n.second(x), ["first.identity"]),
    "before it is moved": (
        lambda n, x: n.second(n.first(x).view(-1, 2, 3).flatten(1).flip(1)) + n.second(n.first(x)[:, [0] * 6]),
        ["first.identity", "second.identity", "second.identity#2"],
    ),
    "on the sum": (lambda n, x: n.second(n.first(x) + x), ["first.identity", "second.identity"]),
    "on each of what is joined": (
        lambda n, x: n.second(torch.cat([F.relu(n.first(x)), n.first(x)], 1)[:, ::2]),
        ["first.identity", "second.identity"],
    ),
    "behind padding that is no zero": (
        lambda n, x: n.second(F.pad(F.relu(n.first(x))[:, :5], (0, 1), value=0.5)),
        ["first.identity", "second.identity"],
    ),
    "in front of both factors": (
        lambda n, x: torch.bmm(n.first(x)[:, :, None], n.second(x)[:, None]).flatten(1),
        ["first.identity", "identity", "identity#2"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_stream_that_a_product_reads_is_offered_one_encoder(name: str) -> None:
    forward, wanted = CASES[name]
    assert sorted(encoders(graph_of(forward))) == sorted(wanted)


def test_only_products_read_what_is_behind_an_encoder() -> None:
    def forward(net: Two, x: Tensor) -> Tensor:
        y: Tensor = net.first(x)
        result: Tensor = net.second(y) + y.exp()
        return result

    graph = graph_of(forward)
    identity = next(
        node for node in graph.nodes if node.name.startswith("alias") and len(node.all_input_nodes[0].users) > 1
    )
    assert {overload_packet(user) for user in identity.users} == {aten.linear}
    assert {overload_packet(user) for user in identity.all_input_nodes[0].users} == {aten.alias, aten.exp}


def test_an_identity_of_the_network_itself_is_left_out() -> None:
    graph = graph_of(lambda n, x: F.relu(aten.alias(n.first(x))))
    assert encoders(graph) == ["first.identity"]


@pytest.mark.parametrize("network", [small_vit, small_swin])
def test_every_stream_behind_an_encoder_is_the_same_memory(network: Callable[[], nn.Module]) -> None:
    net = network().double().eval()
    side = 32 if network is small_vit else 16
    x = unlike(3, 3, side, side).double()
    graph = capture(net, (x,))
    assert len(encoders(graph)) > 8
    torch.testing.assert_close(graph(x), net(x), rtol=0, atol=1e-10)
    for site in graph.gates:
        node = next(node for node in graph.nodes if node.name == site.node)
        (source,) = node.all_input_nodes
        assert graph.where[node.name] == graph.where[source.name]
        assert graph.elements[node.name] == graph.elements[source.name]
