"""Delta-coded networks in a file, and files from before there was a second coding."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

import snnfw
from networks import ConvNet, SmallPointNet, estimated, noise, seeded, small_vit
from snnfw.archive.container import pack, unpack
from snnfw.archive.files import dump_network, read_network
from snnfw.archive.show import show_network
from snnfw.capture import export as capturing
from snnfw.network.network import from_archive

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], bool]] = {
    "attention": (small_vit, (3, 3, 32, 32), False),
    "residual": (ConvNet, (4, 3, 8, 8), False),
    "point clouds": (SmallPointNet, (4, 3, 24), False),
    "frames": (ConvNet, (4, 3, 3, 8, 8), True),
}


def made(name: str, method: str = "sigmadelta") -> tuple[snnfw.SpikingNetwork, Tensor]:
    build, shape, frames = NETWORKS[name]
    x = noise(*shape).float()
    net = estimated(seeded(build), x[:, 0] if frames else x).float()
    return snnfw.convert(net, x, method=method, timesteps=3, frames=3 if frames else None, search=False), x


def dumped(snn: snnfw.SpikingNetwork) -> bytes:
    return dump_network(snn.model, memory=snn.memory, costs=snn.costs, about=snn.about)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_delta_coded_network_is_the_same_after_loading(name: str, tmp_path: Path) -> None:
    snn, x = made(name)
    wanted = snn(x)
    counts = snn.spikes(), snn.energy()
    snn.save(tmp_path / "net.snn")
    ways = [snnfw.load(tmp_path / "net.snn"), pickle.loads(pickle.dumps(snn)), copy.deepcopy(snn)]  # noqa: S301  # our own
    for again in ways:
        assert torch.equal(again(x), wanted)
        assert (again.spikes(), again.energy()) == counts
        assert (again.plan.coding, again.plan.temporal) == ("delta", NETWORKS[name][2])
        assert again.plan.fates.keys() == snn.plan.fates.keys()
        kinds = [[fate.kind for fate in each.plan.fates.values()] for each in (again, snn)]
        assert kinds[0] == kinds[1]
        assert [p.site.name for p in again.plan.placements] == [p.site.name for p in snn.plan.placements]
    if name == "attention":
        assert any(p.site.activation == "identity" for p in snn.plan.placements)
        assert any(fate.kind == "product" for fate in snn.plan.fates.values())


@pytest.mark.parametrize(("method", "coding"), [("sigmadelta", "delta"), ("signed", "rate")])
def test_what_is_shown_tells_the_coding(method: str, coding: str, tmp_path: Path) -> None:
    made("residual", method)[0].save(tmp_path / "net.snn")
    console = Console(width=200, record=True, file=io.StringIO())
    show_network(tmp_path / "net.snn", console)
    (line,) = (line for line in console.export_text().splitlines() if "coding" in line)
    assert coding in line


def rewritten(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    header, tensors = unpack(content)
    change(header["model"])
    return pack({key: value for key, value in header.items() if key not in ("format", "schema")}, tensors)


def test_a_network_of_another_coding_than_its_file_says_is_refused() -> None:
    content = rewritten(dumped(made("residual")[0]), lambda model: model.update(coding="rate"))
    with pytest.raises(
        snnfw.SnnfwError, match="its neurons are delta coded here and were rate coded where it was saved"
    ):
        read_network(content)


class Aliased(nn.Module):
    """A network in which ``torch.export`` leaves second names of a tensor, and a fused attention."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.project, self.head = nn.Linear(6, 8), nn.Linear(8, 24), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.ops.aten.alias(F.relu(self.first(x)))
        q, k, v = self.project(y).chunk(3, -1)
        y = torch.ops.aten.alias(F.scaled_dot_product_attention(q, k, v) * 2)
        return self.head(F.relu(y - 0.1).mean(1))  # type: ignore[no-any-return]  # Linear


def as_it_was(model: dict[str, Any]) -> None:
    """Take out of a header what files have not had from the beginning."""
    del model["coding"]
    graph: dict[str, Any] = model["graph"]
    encoders = {node for _, node, activation in graph["sites"] if activation == "identity"}
    graph["sites"] = [site for site in graph["sites"] if site[1] not in encoders]
    graph["shapes"] = {node: shape for node, shape in graph["shapes"].items() if node not in encoders}


def test_files_from_before_there_were_encoders_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    x = noise(4, 5, 6).float()
    for name in ("offer_encoders", "unfuse"):
        monkeypatch.setattr(capturing, name, lambda *_: None)
    monkeypatch.setenv("SNNFW_CAPTURES", "none")
    snn = snnfw.convert(seeded(Aliased).eval(), x, method="tracking", timesteps=4)
    operators = [str(node.target) for node in snn.model.graph.nodes]
    assert operators.count("aten.alias.default") == 2
    assert operators.count("aten.scaled_dot_product_attention.default") == 1
    old = rewritten(dumped(snn), as_it_was)
    monkeypatch.undo()
    again = from_archive(read_network(old))
    assert torch.equal(again(x), snn(x))
    assert again.plan.coding == "rate"
    kinds: Mapping[str, Any] = {fate.operator: fate.kind for fate in again.plan.fates.values()}
    assert (kinds["alias"], kinds["scaled_dot_product_attention"]) == ("linear", "analog")
    assert torch.equal(copy.deepcopy(again)(x), snn(x))
