"""Where a batch norm starts, in both readings of threshold-dependent batch normalisation."""

from __future__ import annotations

import math

import pytest
from torch import Tensor, nn
from torch.nn import functional as F

from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.training.tdbn import Reading, raise_gains, scale_norms
from snnfw.values import Keep
from snnfw_plugins.inflor import SoftResetIntegrateAndFire

X = noise(2, 2, 4, 4).float()
ROOT = 0.5 * math.sqrt(0.5)


class Block(nn.Module):
    """A residual block; its shortcut ends in a batch norm, in a convolution alone, or is the input itself."""

    def __init__(self, shortcut: str) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
        self.conv2, self.bn2 = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
        layers: list[nn.Module] = [nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)]
        self.shortcut = nn.Sequential(*layers[: {"norm": 2, "conv": 1, "identity": 0}[shortcut]])

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))


class Net(nn.Module):
    """A stem of two batch norms, a block with each kind of shortcut, and a head with a batch norm behind all neurons."""

    def __init__(self, affine: bool = True) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2, affine=affine), nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
        )
        self.changed, self.projected, self.same = Block("norm"), Block("conv"), Block("identity")
        self.head = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.same(self.projected(self.changed(F.relu(self.stem(x)))))
        return self.head(x.mean((2, 3)))  # type: ignore[no-any-return]  # Linear


FACTORS: dict[str, tuple[float, float]] = {
    "stem.1": (0.5, 1.0),
    "stem.3": (0.5, 1.0),
    "changed.bn1": (0.5, 0.5),
    "changed.bn2": (ROOT, ROOT),
    "changed.shortcut.1": (ROOT, ROOT),
    "projected.bn1": (0.5, 0.5),
    "projected.bn2": (ROOT, 0.5),
    "same.bn1": (0.5, 0.5),
    "same.bn2": (ROOT, 0.5),
    "head.1": (1.0, 1.0),
}
"""The factor of each norm: the paper's, and that of its authors' code. SRIF's threshold is 1/2."""


def scaled(net: nn.Module, reading: Reading) -> dict[str, float]:
    graph = capture(net.eval(), (X,), trainable=True)
    return scale_norms(graph, place(graph, (Rule("*", SoftResetIntegrateAndFire()),)), reading)


@pytest.mark.parametrize("column", [0, 1])
def test_norms_start_where_the_reading_says(column: int) -> None:
    net = seeded(Net)
    reading: Reading = ("tdbn", "tdbn-code")[column]
    wanted = {path: pytest.approx(factors[column]) for path, factors in FACTORS.items()}
    assert scaled(net, reading) == wanted
    for path, factor in wanted.items():
        assert net.get_parameter(f"{path}.weight").tolist() == [factor] * len(net.get_parameter(f"{path}.weight"))


def test_gains_are_raised_once_each() -> None:
    net = (
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        .double()
        .eval()
        .eval()
    )
    graph = capture(net, (noise(2, 3, 4, 4),), trainable=True)
    raise_gains(graph, 4.0)
    for norm in (net[1], net[4]):
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.weight.tolist() == [4.0] * 4
        assert norm.bias.tolist() == [0.0] * 4
    bare = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, affine=False), nn.ReLU()).double().eval()
    with pytest.raises(SnnfwError) as caught:
        raise_gains(capture(bare, (noise(2, 3, 4, 4),), trainable=True), 2.0)
    assert str(caught.value) == (
        "the batch norm '1' has no gain (affine=False) that could be larger: give it one, or leave trainer.gain out."
    )


def test_a_norm_without_a_gain_cannot_be_scaled_where_it_would_be() -> None:
    with pytest.raises(SnnfwError) as caught:
        scaled(seeded(lambda: Net(affine=False)), "tdbn")
    assert str(caught.value) == (
        "the batch norm 'stem.1' has no gain (affine=False) that a threshold could scale: give it one, or say "
        "trainer.norm=batch."
    )
    assert scaled(seeded(lambda: Net(affine=False)), "tdbn-code")["stem.1"] == 1.0


def test_a_network_kept_whole_is_not_scaled_by_thresholds() -> None:
    graph = capture(seeded(Net).eval(), (X,), trainable=True)
    plan = place(graph, (Rule("*", Keep()),))
    assert set(scale_norms(graph, plan, "tdbn").values()) == {1.0, math.sqrt(0.5)}
    assert set(scale_norms(graph, plan, "tdbn-code").values()) == {1.0}
