"""What the building blocks of published architectures become over time: each converges to the network itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import captured, noise
from snnfw.capture.graph import Graph
from snnfw.conversion.direct import Direct
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Resources
from snnfw_plugins.tracking import Tracking

EVERYWHERE = (Rule("*", Tracking()),)
GATES = (*EVERYWHERE, *(Rule("*", Tracking(), activation=name, optional=True) for name in ("sigmoid", "hardsigmoid")))


class Squeeze(nn.Module):
    """Squeeze-and-excitation: a gate for each channel from the mean over places."""

    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.first, self.second, self.act, self.gate = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1), nn.ReLU(), gate

    def forward(self, x: Tensor) -> Tensor:
        """Return the gated feature map."""
        return x * self.gate(self.second(self.act(self.first(F.adaptive_avg_pool2d(x, 1)))))  # type: ignore[no-any-return]  # Module


class Attention(nn.Module):
    """Attention between places, as YOLO 11 and 12 have it: values get a depthwise encoding of their place."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.pe, self.proj = nn.Conv2d(8, 16, 1), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Conv2d(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return attended values, projected, beside what came in."""
        n, c, h, w = x.shape
        q, k, v = self.qkv(x).view(n, 2, 8, h * w).split([2, 2, 4], 2)
        attention = ((q.transpose(-2, -1) @ k) * 2**-0.5).softmax(-1)
        attended = (v @ attention.transpose(-2, -1)).view(n, c, h, w) + self.pe(v.reshape(n, c, h, w))
        return x + self.proj(attended)  # type: ignore[no-any-return]  # Conv2d


class Neck(nn.Module):
    """Halve and double the resolution, and lay both maps side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.act, self.join = nn.Conv2d(8, 8, 3, 2, 1), nn.SiLU(), nn.Conv2d(16, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the joined map."""
        low = self.act(self.down(x))
        return self.join(torch.cat([F.interpolate(low, scale_factor=2, mode="nearest"), x], 1))  # type: ignore[no-any-return]  # Conv2d


class Pyramid(nn.Module):
    """Fast spatial pyramid pooling: three max poolings of one another, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.join = nn.MaxPool2d(5, 1, 2), nn.Conv2d(32, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the joined maps."""
        maps = [x]
        for _ in range(3):
            maps.append(self.pool(maps[-1]))
        return self.join(torch.cat(maps, 1))  # type: ignore[no-any-return]  # Conv2d


class Deformed(nn.Module):
    """Read values at places that the input itself predicts, as deformable attention does."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the values at the predicted places."""
        grid = self.places(x).sigmoid().permute(0, 2, 3, 1) * 2 - 1
        return F.grid_sample(x, grid, align_corners=False)


class Selected(nn.Module):
    """Go on with the places that score highest, found by their number in the batch, as RT-DETR's queries are."""

    def __init__(self) -> None:
        super().__init__()
        self.score, self.mix = nn.Conv2d(8, 1, 1), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        """Return four places, the best first, as a map of 2 x 2."""
        n, c = x.shape[:2]
        x = F.adaptive_avg_pool2d(x, 2)
        best = self.score(x).flatten(1).topk(4, 1).indices
        sample = torch.arange(n).unsqueeze(-1).repeat(1, 4).view(-1)
        chosen = x.flatten(2).transpose(1, 2)[sample, best.view(-1)].view(n, 4, c)
        return self.mix(chosen).transpose(1, 2).reshape(n, c, 2, 2)  # type: ignore[no-any-return]  # Linear


class Between(nn.Module):
    """A block between two activations, so that it reads a stream and something spikes behind it."""

    def __init__(self, block: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.stem, self.block, self.tail = nn.Conv2d(3, 8, 3, padding=1), block, nn.Conv2d(8, 8, 1)
        self.act, self.act2, self.head = activation, activation, nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 5]."""
        x = self.act2(self.tail(self.block(self.act(self.stem(x)))))
        return self.head(x.mean((2, 3)))  # type: ignore[no-any-return]  # Linear


BLOCKS: dict[str, Callable[[], nn.Module]] = {
    "squeeze-and-excitation": lambda: Between(Squeeze(nn.Sigmoid()), nn.SiLU()),
    "hard squeeze-and-excitation": lambda: Between(Squeeze(nn.Hardsigmoid()), nn.Hardswish()),
    "attention": lambda: Between(Attention(), nn.SiLU()),
    "upsampling and concatenation": lambda: Between(Neck(), nn.SiLU()),
    "pyramid pooling": lambda: Between(Pyramid(), nn.SiLU()),
    "leaky ReLU": lambda: Between(nn.Conv2d(8, 8, 3, padding=1), nn.LeakyReLU(0.1)),
    "gated by a sigmoid": lambda: Between(nn.Sequential(nn.Conv2d(8, 8, 1), nn.Sigmoid()), nn.ReLU()),
    "deformable sampling": lambda: Between(Deformed(), nn.SiLU()),
    "queries selected": lambda: Between(Selected(), nn.ReLU()),
}
ANALOG = {
    "squeeze-and-excitation": ["mul", "sigmoid"],
    "hard squeeze-and-excitation": ["hardsigmoid", "mul"],
    "attention": ["matmul", "matmul", "softmax"],
    "gated by a sigmoid": ["sigmoid"],
    "deformable sampling": ["grid_sampler", "sigmoid"],
    "queries selected": ["index", "topk"],
}


@pytest.fixture(scope="module", params=BLOCKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def graph(name: str) -> Graph:
    return captured(BLOCKS[name], noise(3, 3, 8, 8))


def spiking(graph: Graph, rules: tuple[Rule, ...]) -> tuple[Plan, SpikingModel]:
    plan = place(graph, rules)
    return plan, Direct().convert(graph, plan, [(noise(3, 3, 8, 8),)], 256, Resources())


def errors(model: SpikingModel, graph: Graph, *timesteps: int) -> list[float]:
    x, found = noise(3, 3, 8, 8), []
    expected = graph(x)
    model.begin((x,))
    for timestep in timesteps:
        model.advance(timestep - model.elapsed)
        found.append(float((model.read() - expected).norm() / (expected - expected.mean(0)).norm()))
    return found


def test_blocks_converge_with_time_and_what_stays_analog_is_named(name: str, graph: Graph) -> None:
    plan, model = spiking(graph, EVERYWHERE)
    assert sorted(fate.operator for fate in plan.analog) == ANALOG.get(name, [])
    four, sixteen, sixty_four = errors(model, graph, 4, 16, 64)
    assert sixty_four < sixteen < four
    assert sixty_four < 0.1


@pytest.mark.parametrize(("block", "product"), [("squeeze-and-excitation", "mul"), ("attention", "matmul")])
def test_layers_behind_a_product_of_streams_are_charged_as_multiplying(block: str, product: str) -> None:
    plan = place(captured(BLOCKS[block], noise(3, 3, 8, 8)), GATES)
    fates = list(plan.fates.values())
    tail = next(fate for fate in fates if fate.path == "tail" and fate.macs)
    assert (tail.kind, tail.events) == (Kind.LINEAR, False)
    products = [fate for fate in fates if fate.operator == product]
    assert {(fate.kind, fate.events) for fate in products} == {(Kind.ANALOG, False)}
    assert all(fate.macs for fate in products) == (product == "matmul")


def test_gates_that_spike_converge_too(name: str, graph: Graph) -> None:
    plan, model = spiking(graph, GATES)
    assert not {fate.operator for fate in plan.analog} & {"sigmoid", "hardsigmoid"}
    four, sixteen, sixty_four = errors(model, graph, 4, 16, 64)
    assert sixty_four < sixteen < four
    assert sixty_four < 0.1


def test_chunks_and_samples_that_leave_change_nothing(name: str, graph: Graph) -> None:
    del name
    _, model = spiking(graph, GATES)
    x, left = noise(3, 3, 8, 8), torch.tensor([0, 2])
    model.begin((x,))
    model.advance(9)
    whole = model.read()
    model.begin((x,))
    model.advance(2)
    model.keep(left)
    model.advance(1)
    model.advance(6)
    torch.testing.assert_close(model.read(), whole[left], rtol=1e-9, atol=1e-12)
