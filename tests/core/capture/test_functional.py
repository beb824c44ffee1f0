"""What is written down at once is what tracing a network anew makes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.nn import functional as F
from torch.utils import _pytree as pytree
from torchvision.models.mobilenetv3 import InvertedResidualConfig

from networks import ConvNet, InnerBatch, InPlaceReuse, estimated, noise, seeded, small_vit
from operator_rows import ROWS, Row
from snnfw.capture import export
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph, get_attribute


def traced(program: ExportedProgram) -> Any:
    """Return the functional graph as a trace writes it, whatever the network."""
    return program.run_decompositions({}).module()


def says(graph: Graph) -> tuple[Any, ...]:
    """Return what a graph says, each call by what it computes instead of by its name, and equal calls once."""
    names: dict[fx.Node, str] = {}
    calls = {}
    for node in graph.nodes:
        args: Any = fx.map_arg((node.args, dict(node.kwargs)), lambda read: names[read])
        if node.op == "get_attr":
            value = get_attribute(graph.module, str(node.target))
            args = hashlib.sha256(value.detach().contiguous().numpy().tobytes()).hexdigest()
        target = "" if node.op in ("get_attr", "output") else node.target
        names[node] = hashlib.sha256(f"{node.op} {target} {args!r}".encode()).hexdigest()
        of = [facts.get(node.name) for facts in (graph.where, graph.macs, graph.elements)]
        calls[names[node]] = (
            str(node.target) if node.op == "call_function" else node.op,
            *of,
            node.name in graph.sizes,
        )
    named = {node.name: name for node, name in names.items()}
    sites = [
        (site.name, named[site.node], site.activation, site.shape, site.channel, repr(site.arguments))
        for site in (*graph.sites, *graph.gates)
    ]
    return calls, sites


def both_ways(network: nn.Module, x: Tensor, monkeypatch: pytest.MonkeyPatch, trainable: bool = False) -> bool:
    """Capture as it is done and with a trace, compare the two, and tell whether there was a trace anyway."""
    traces: list[ExportedProgram] = []

    def spy(program: ExportedProgram, table: Any) -> Any:
        traces.append(program)
        return decompose(program, table)

    decompose = ExportedProgram.run_decompositions
    with monkeypatch.context() as patch:
        patch.setattr(ExportedProgram, "run_decompositions", spy)
        graph = capture(network, (x,), trainable)
    with monkeypatch.context() as patch:
        patch.setattr(export, "functionalise", traced)
        wanted = capture(network, (x,), trainable)
    assert says(graph) == says(wanted)
    for ours, theirs in zip(*(pytree.tree_leaves(found(x.clone())) for found in (graph, wanted)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0, equal_nan=True)
    return bool(traces)


class Does(nn.Module):
    """Call a function in a forward, with a layer at hand."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.conv, self.other, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.register_buffer("seen", torch.zeros(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def read_before(net: Any, x: Tensor) -> Tensor:
    y = net.conv(x)
    view = y.flatten(1)
    early = view.sum(1, keepdim=True)
    return F.relu(y, inplace=True).flatten(1) + early  # type: ignore[no-any-return]


def added_twice(net: Any, x: Tensor) -> Tensor:
    y = net.norm(net.conv(x))
    y += net.other(F.relu(x))
    y.mul_(0.5).add_(0.1)
    return torch.cat([F.silu(y, inplace=True), y], 1).flatten(1)  # both are the activation's


REWRITTEN: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "in place, one after another": added_twice,
    "a view that is read before": read_before,
    "in place behind a dropout": lambda net, x: F.hardswish(F.dropout(net.conv(x), 0.5, training=False), inplace=True),
    "a dropout in place": lambda net, x: F.dropout(F.relu(net.conv(x)), 0.5, training=False, inplace=True),
    "a reshape that copies": lambda net, x: F.relu(net.conv(x)).transpose(1, 2).reshape(x.shape[0], -1),
    "a flatten that copies": lambda net, x: F.relu(net.conv(x)).transpose(1, 2).flatten(1),
    "samples merged": lambda net, x: F.relu(net.conv(x)).flatten(0, 1).unflatten(0, (-1, 4)),
    "contiguous": lambda net, x: F.relu(net.conv(x)).transpose(1, 3).contiguous().contiguous(),
    "another type": lambda net, x: F.relu(net.conv(x)).to(torch.float32).to(torch.float32).to(torch.float64),
    "chunks": lambda net, x: torch.cat(F.relu(net.conv(x)).chunk(3, 1)[::-1], 1).chunk(2, -1)[1],
    "expanded": lambda net, x: F.relu(net.conv(x))[:, :1].expand_as(x) * x.view_as(x),
    "sizes that the network computes": lambda net, x: (
        F.relu(net.conv(x)).permute(1, 0, 2, 3).reshape(4 * x.shape[0], -1)
    ),
}

RETRACED: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "a view that is read afterwards": lambda net, x: _read_after(net.conv(x)),
    "a view that is written": lambda net, x: F.relu_(net.conv(x)[:, 1:]),
    "written through a view": lambda net, x: _written_through(net.conv(x)),
    "the whole, once a view is written": lambda net, x: _write_view(net.conv(x)),
    "the input": lambda net, x: F.relu(net.conv(x.mul_(2.0))) + x,
    "a slice that is set": lambda net, x: _filled(net.conv(x)),
    "a buffer that nothing reads": lambda net, x: _count(net, F.relu(net.conv(x))),
    "a wider type": lambda net, x: F.relu(net.conv(x)).float().add_(x).double(),
    "an operator that is not known": lambda net, x: F.relu(net.conv(x)).narrow(2, 0, 2),
}


def _read_after(y: Tensor) -> Tensor:
    view = y.view(y.shape[0], -1)
    torch.relu_(y)
    return view * 2


def _written_through(y: Tensor) -> Tensor:
    torch.relu_(y.view(y.shape[0], -1))
    return y * 2


def _write_view(y: Tensor) -> Tensor:
    y[:, :2].mul_(3.0)
    return F.relu(y)


def _filled(y: Tensor) -> Tensor:
    y[:, 0] = 0.5
    return F.relu(y)


def _count(net: Any, y: Tensor) -> Tensor:
    net.seen.add_(1.0)
    return y


def image_network(function: Callable[[Any, Tensor], Tensor]) -> tuple[nn.Module, Tensor]:
    x = noise(2, 4, 4, 4)
    return seeded(lambda: Does(function)).double().eval(), x


@pytest.mark.parametrize("name", REWRITTEN)
def test_what_is_simple_is_written_down_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not both_ways(*image_network(REWRITTEN[name]), monkeypatch)


@pytest.mark.parametrize("name", RETRACED)
def test_what_is_not_simple_is_traced(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = image_network(RETRACED[name])
    assert both_ways(network, x, monkeypatch)
    torch.testing.assert_close(capture(network, (x,))(x.clone()), network(x.clone()))


def small_shufflenet() -> nn.Module:
    net: nn.Module = torchvision.models.ShuffleNetV2([2, 1, 1], [8, 16, 32, 64, 128], num_classes=4)
    return net


def small_mobilenet() -> nn.Module:
    """Build blocks with either activation, with and without a gate, with and without a sum."""
    rows = [(16, 3, 16, 16, True, "RE", 2), (16, 3, 64, 24, False, "HS", 1), (24, 5, 64, 24, True, "HS", 1)]
    net: nn.Module = torchvision.models.MobileNetV3(
        [InvertedResidualConfig(*row, 1, 1.0) for row in rows], 32, num_classes=4
    )
    return net


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "convnet": (ConvNet, (2, 3, 8, 8)),
    "in-place reuse": (InPlaceReuse, (2, 3, 6, 6)),
    "inner batch": (InnerBatch, (2, 5, 6)),
    "vit": (small_vit, (2, 3, 32, 32)),
    "squeezenet1_1": (lambda: torchvision.models.squeezenet1_1(num_classes=4), (2, 3, 32, 32)),
    "shufflenet": (small_shufflenet, (2, 3, 32, 32)),
    "mobilenet_v3": (small_mobilenet, (2, 3, 32, 32)),
}


@pytest.mark.parametrize(
    ("name", "trainable"), [*((name, False) for name in NETWORKS), ("convnet", True), ("vit", True)]
)
def test_whole_networks_are_written_down_at_once(name: str, trainable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    build, shape = NETWORKS[name]
    network = estimated(seeded(build), noise(*shape)).double()
    assert not both_ways(network, noise(*shape), monkeypatch, trainable)


class Calls(nn.Module):
    """Call an operator on what a layer and an activation in place make of the input."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.row, self.layer = row, nn.Parameter(torch.tensor(0.7, dtype=torch.float64))

    def forward(self, x: Tensor) -> Any:
        return self.row.call(F.relu(x * self.layer, inplace=True))


@pytest.mark.parametrize("row", ROWS[::12], ids=lambda row: row.operator)
def test_operators_are_the_same_either_way(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    row.call(noise(2, *row.shape).abs())  # makes its constants, outside the trace
    both_ways(Calls(row).eval(), noise(2, *row.shape).abs(), monkeypatch)
